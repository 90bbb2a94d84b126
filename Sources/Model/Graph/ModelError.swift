package import Compute

/// What can be wrong with a network or with what it is asked to do.
package enum ModelError: Error, CustomStringConvertible {
    /// Sizes that do not fit, at the named value.
    case shape(value: String, ShapeError)
    /// An operand whose element type the op does not take.
    case elementType(value: String, expected: ElementType, found: ElementType)
    /// An op between a loss and what it should teach that has no derivative.
    case noDerivative(value: String, reason: String)
    /// A rewrite that would change what the rest of the graph sees.
    case rewrite(value: String, reason: String)
    /// Data that do not fit the network's inputs.
    case data(input: String, reason: String)
    /// The loss stopped being a number.
    case nanLoss(step: Int)
    case compute(ComputeError)

    package var description: String {
        switch self {
        case .shape(let value, let error): "at '\(value)': \(error)"
        case .elementType(let value, let expected, let found): "at '\(value)': expected \(expected), found \(found)"
        case .noDerivative(let value, let reason): "'\(value)' has no derivative: \(reason)"
        case .rewrite(let value, let reason): "cannot replace '\(value)': \(reason)"
        case .data(let input, let reason): "input '\(input)': \(reason)"
        case .nanLoss(let step):
            "the loss is not a number at step \(step): lower the learning rate, or look for extreme values in the data"
        case .compute(let error): "\(error)"
        }
    }
}

/// Runs what throws a ``ComputeError`` and says it as this module does.
func computing<Result>(_ body: () throws(ComputeError) -> Result) throws(ModelError) -> Result {
    do { return try body() } catch { throw .compute(error) }
}
