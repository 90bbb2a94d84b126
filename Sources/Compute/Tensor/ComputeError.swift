/// Memory could not be had: the machine, or the limit that the process runs under, has no `byteCount` bytes left.
package struct MemoryError: Error, Equatable, CustomStringConvertible {
    /// Zero when a library ran out of memory and did not say over how much.
    package let byteCount: Int

    package init(byteCount: Int) {
        self.byteCount = byteCount
    }

    package var description: String {
        byteCount == 0 ? "no memory left" : "no memory for \(byteCount) bytes"
    }
}

/// Why a calculation cannot be prepared.
package enum ComputeError: Error, Equatable, CustomStringConvertible {
    case shape(ShapeError)
    case memory(MemoryError)
    /// `status` is a `dnnl_status_t`.
    case oneDNN(call: String, status: Int)
    /// The matrix is not positive definite: its Cholesky factorisation broke down at `column`, counted from 0.
    case singular(column: Int)

    package var description: String {
        switch self {
        case .shape(let error): "\(error)"
        case .memory(let error): "\(error)"
        case .oneDNN(let call, let status): "oneDNN: \(call) failed with status \(status)"
        case .singular(let column): "the matrix is not positive definite (column \(column))"
        }
    }
}
