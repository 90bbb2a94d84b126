/// A failed allocation of `byteCount` bytes: neither the machine nor the process's memory limit has that much left.
package struct MemoryError: Error, Equatable, CustomStringConvertible {
    /// The requested size; zero when a library ran out of memory without naming one.
    package let byteCount: Int

    package init(byteCount: Int) { self.byteCount = byteCount }

    package var description: String { byteCount == 0 ? "no memory left" : "no memory for \(byteCount) bytes" }
}

/// An error in preparing a computation.
package enum ComputeError: Error, Equatable, CustomStringConvertible {
    case shape(ShapeError)
    case memory(MemoryError)
    /// A failed oneDNN call; `status` is a `dnnl_status_t`.
    case oneDNN(call: String, status: Int)
    /// A matrix that is not positive definite: its Cholesky factorisation failed at `column`, counted from 0.
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
