import Compute
import Model

/// From a validated document to a ``Graph`` of our own ops at one batch size.
///
/// Shape arithmetic is folded on the way: what is known at that size is a constant and never becomes an op.
struct ONNXLowering {
    /// What a name of the document stands for.
    enum Value {
        case computed(ValueID)
        /// Known now: an initializer, a `Constant`, or arithmetic on those and on shapes.
        case known(Tensor, name: String)
    }

    var graph = Graph()
    var values: [String: Value] = [:]
    /// The value that a known tensor became when an op first read it.
    private var materialized: [String: ValueID] = [:]
    let opset: Int
    /// Names of the initializers that training may change: neither constants of the arithmetic nor statistics.
    let weights: Set<String>
    /// Results of nodes after their first, which no op of ours computes, and who would.
    let furtherResults: [String: String]

    init(opset: Int, weights: Set<String>, furtherResults: [String: String]) {
        self.opset = opset
        self.weights = weights
        self.furtherResults = furtherResults
    }

    func known(_ name: String) -> Tensor? {
        if case .known(let tensor, _) = values[name] { tensor } else { nil }
    }

    func type(_ name: String) -> ValueType? {
        switch values[name] {
        case .computed(let value): graph.type(value)
        case .known(let tensor, _): ValueType(tensor)
        case nil: nil
        }
    }

    /// The value behind a name; a known tensor becomes a parameter when it is first read, so that unread ones never do.
    mutating func operand(_ name: String) throws(FormatError) -> ValueID {
        switch values[name] {
        case .computed(let value):
            return value
        case .known(let tensor, let origin):
            if let value = materialized[origin] { return value }
            let isTrainable = weights.contains(origin) && tensor.type == .float32 && tensor.shape.rank > 0
            let value = graph.addParameter(Parameter(name: origin, tensor: tensor, isTrainable: isTrainable))
            materialized[origin] = value
            return value
        case nil:
            throw absent(name)
        }
    }

    /// Why a name that is read stands for nothing.
    func absent(_ name: String) -> FormatError {
        if let node = furtherResults[name] {
            return .unsupportedOperator([node + " with its further result '\(name)'"])
        }
        return .invalidONNX("value '\(name)' is read before anything computes it")
    }
}
