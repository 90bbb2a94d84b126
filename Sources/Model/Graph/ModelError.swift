package import Compute

/// An error in a network or its data, or in running, training or rewriting it.
package enum ModelError: Error, CustomStringConvertible {
    /// Sizes that do not fit, at the named value.
    case shape(value: String, ShapeError)
    /// An operand whose element type the op does not take.
    case elementType(value: String, expected: ElementType, found: ElementType)
    /// An op without a gradient between a loss and a parameter to train.
    case noDerivative(value: String, reason: String)
    /// A rewrite that would change the rest of the graph.
    case rewrite(value: String, reason: String)
    /// Data that do not fit the network's inputs.
    case data(input: String, reason: String)
    /// A loss that is not finite.
    case nanLoss(step: Int)
    case compute(ComputeError)

    package var description: String {
        switch self {
        case .shape(let value, let error): "at '\(value)': \(error)"
        case .elementType(let value, let expected, let found): "at '\(value)': expected \(expected), found \(found)"
        case .noDerivative(let value, let reason): "'\(value)' has no derivative: \(reason)"
        case .rewrite(let value, let reason): "cannot replace '\(value)': \(reason)"
        case .data(let input, let reason): input.isEmpty ? reason : "input '\(input)': \(reason)"
        case .nanLoss(let step):
            "the loss is not a number at step \(step): lower the learning rate, or look for extreme values in the data"
        case .compute(let error): "\(error)"
        }
    }
}

/// Runs code that throws errors of `Compute` and `Model` only, and converts them.
package func computing<Result>(_ body: () throws -> Result) throws(ModelError) -> Result {
    do {
        return try body()
    } catch {
        switch error {
        case let error as ModelError: throw error
        case let error as ComputeError: throw .compute(error)
        case let error as ShapeError: throw .compute(.shape(error))
        case let error as MemoryError: throw .compute(.memory(error))
        default: preconditionFailure("Compute throws no other error: \(error)")
        }
    }
}
