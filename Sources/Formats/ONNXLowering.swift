import Compute
import Model

/// From a validated document to a ``Graph`` of our own ops at one batch size.
///
/// What is known at that size is computed on the way: it is a constant and never becomes an op.
struct ONNXLowering {
    /// What a name of the document stands for.
    enum Value {
        case computed(ValueID)
        /// Known now: an initializer, a `Constant`, or what follows from those and from sizes.
        case known(Tensor, name: String)
    }

    var graph = Graph()
    var values: [String: Value] = [:]
    /// The value that a known tensor became when an op first read it.
    private var materialized: [String: ValueID] = [:]
    /// The operators that the file itself defines, by ``key(of:)``.
    let functions: [String: ONNXModel.Function]
    /// Names of the initializers that training may change: neither constants of the arithmetic nor statistics.
    let weights: Set<String>
    /// Results of nodes after their first, which no op of ours computes, and who would.
    let furtherResults: [String: String]
    /// How many more elements may be computed now: whatever follows from constants takes memory for good.
    var foldableElements = 1 << 26
    /// How many more nodes may be lowered, those in functions and loops as often as they are run.
    var nodesLeft = ONNXDocument.Limits.messages
    /// How many functions and subgraphs the lowering is in.
    var depth = 0

    init(functions: [ONNXModel.Function], weights: Set<String>, furtherResults: [String: String]) {
        var byKey: [String: ONNXModel.Function] = [:]
        for function in functions {
            byKey[Self.key(domain: function.domain, function.name, overload: function.overload)] = function
        }
        self.functions = byKey
        self.weights = weights
        self.furtherResults = furtherResults
    }

    static func key(domain: String, _ name: String, overload: String) -> String { "\(domain).\(name):\(overload)" }

    /// For a single node over what is known.
    init(folding node: LoweredNode, of outer: ONNXLowering) {
        self.init(functions: [], weights: [], furtherResults: outer.furtherResults)
        for input in node.inputs where !input.isEmpty { values[input] = outer.values[input] }
    }

    func known(_ name: String) -> Tensor? {
        if case .known(let tensor, _) = values[name] { tensor } else { nil }
    }

    /// Whether training may change what a name stands for.
    func isTrainable(_ name: String) -> Bool {
        guard case .known(let tensor, let origin) = values[name] else { return false }
        return weights.contains(origin) && tensor.type == .float32 && tensor.shape.rank > 0
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
            let parameter = Parameter(name: origin, tensor: tensor, isTrainable: isTrainable(name))
            let value = graph.addParameter(parameter)
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
