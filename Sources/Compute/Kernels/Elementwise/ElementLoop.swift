import Glibc

/// A loop over one or two tensors and a result, all of equal count; the result may be one of the operands.
@safe struct ElementLoop {
    private let first: UnsafeMutablePointer<Float>
    private let second: UnsafeMutablePointer<Float>
    private let result: UnsafeMutablePointer<Float>
    private let count: Int

    init(_ first: Tensor, _ result: Tensor) throws(ComputeError) { try self.init(first, first, result) }

    init(_ first: Tensor, _ second: Tensor, _ result: Tensor) throws(ComputeError) {
        unsafe self.first = try first.source()
        unsafe self.second = try second.source()
        unsafe self.result = result.target()
        count = result.shape.elementCount
    }

    /// Creates a loop over `count` elements at each of the addresses.
    init(
        _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>,
        _ result: UnsafeMutablePointer<Float>, count: Int
    ) {
        unsafe (self.first, self.second, self.result, self.count) = (first, second, result, count)
    }

    /// Calls the body with the loop over each thread's share: once per share, so that functions of an element are
    /// inlined.
    func inParts(_ body: (ElementLoop) -> Void) {
        inParallel(count, grain: manyElements) { elements, _ in
            let start = elements.lowerBound
            // SAFETY: the share lies inside the tensors.
            body(unsafe ElementLoop(first + start, second + start, result + start, count: elements.count))
        }
    }

    /// Applies a function to the first tensor.
    func run(_ kind: UnaryKind) {
        switch kind {
        case .relu: run { $0 < 0 ? 0 : $0 }
        case .leakyRelu(let slope): run { $0 < 0 ? slope * $0 : $0 }
        case .erf: run(erff)
        case .reciprocal: run { 1 / $0 }
        case .negate: run { -$0 }
        case .absolute: run { abs($0) }
        case .sign: run { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }
        case .floor: run { $0.rounded(.down) }
        case .ceiling: run { $0.rounded(.up) }
        case .round: run { $0.rounded(.toNearestOrEven) }
        case .sin: run(sinf)
        case .cos: run(cosf)
        case .softsign: run { $0 / (1 + abs($0)) }
        case .hardSigmoid(let alpha, let beta): run { smaller(larger(alpha * $0 + beta, 0), 1) }
        case .hardSwish: run { $0 * smaller(larger($0 + 3, 0), 6) * (1 / 6) }
        case .clip(let minimum, let maximum): run { smaller(larger($0, minimum), maximum) }
        case .sigmoid, .tanh, .gelu, .geluTanh, .exp, .log, .sqrt, .softplus, .elu, .mish, .swish:
            preconditionFailure("oneDNN computes \(kind)")
        }
    }

    /// Multiplies the derivative of a function at the first tensor by the second.
    func runBackward(_ kind: UnaryKind) {
        switch kind {
        case .relu: run { $0 > 0 ? $1 : 0 }
        case .leakyRelu(let slope): run { $0 > 0 ? $1 : slope * $1 }
        case .erf:
            let scale = 2 / Float.pi.squareRoot()
            run { $1 * scale * expf(-$0 * $0) }
        case .reciprocal: run { -$1 / ($0 * $0) }
        case .negate: run { -$1 }
        case .absolute: run { $0 > 0 ? $1 : $0 < 0 ? -$1 : 0 }
        case .sign, .floor, .ceiling, .round: run { _, _ in 0 }
        case .sin: run { $1 * cosf($0) }
        case .cos: run { -$1 * sinf($0) }
        case .softsign:
            run { x, dy in
                let root = 1 + abs(x)
                return dy / (root * root)
            }
        case .hardSigmoid(let alpha, let beta):
            run { x, dy in
                let y = alpha * x + beta
                return y > 0 && y < 1 ? alpha * dy : 0
            }
        case .hardSwish: run { $0 <= -3 ? 0 : $0 >= 3 ? $1 : $1 * ($0 * (1 / 3) + 0.5) }
        case .clip(let minimum, let maximum): run { $0 > minimum && $0 < maximum ? $1 : 0 }
        case .sigmoid, .tanh, .gelu, .geluTanh, .exp, .log, .sqrt, .softplus, .elu, .mish, .swish:
            preconditionFailure("oneDNN computes \(kind)")
        }
    }

    /// Applies an operation to both tensors.
    func run(_ kind: BinaryKind) {
        switch kind {
        case .add: run { $0 + $1 }
        case .subtract: run { $0 - $1 }
        case .multiply: run { $0 * $1 }
        case .divide: run { $0 / $1 }
        case .minimum: run(smaller)
        case .maximum: run(larger)
        case .power, .modulo, .remainder: preconditionFailure("\(kind.rawValue) is no link of a chain")
        }
    }

    // SAFETY of both: there are `count` elements at each address.
    @inline(__always)
    private func run(_ function: (Float) -> Float) {
        for index in 0..<count { unsafe result[index] = function(first[index]) }
    }

    @inline(__always)
    private func run(_ function: (Float, Float) -> Float) {
        for index in 0..<count { unsafe result[index] = function(first[index], second[index]) }
    }
}
