import Compute
import Model

/// Translates a validated document to a ``Graph`` at one batch size.
///
/// Values that are known at that size are computed at once and become constants, not ops.
struct ONNXLowering {
    /// The meaning of a name of the document.
    enum Value {
        case computed(ValueID)
        /// A known tensor: an initializer, a `Constant`, or a value that follows from those and from sizes.
        case known(Tensor, name: String)
    }

    var graph = Graph()
    var values: [String: Value] = [:]
    /// The graph's values of known tensors that ops have read, by the tensors' names.
    private var materialized: [String: ValueID] = [:]
    /// The operators that the file itself defines, by ``key(domain:_:overload:)``.
    let functions: [String: ONNXModel.Function]
    /// The names of the initializers of the file.
    let initializers: Set<String>
    /// The names of initializers that training may change: neither arithmetic constants nor statistics.
    let weights: Set<String>
    /// The names of folded values.
    var folded: Set<String> = []
    /// The further results of nodes, with the nodes that would compute them, for errors.
    let furtherResults: [String: UnsupportedNode]
    /// The number of elements that may still be folded; folded tensors are kept in memory.
    var foldableElements = 1 << 26
    /// The number of nodes that may still be lowered; those in functions and loops count once per run.
    var nodesLeft = ONNXDocument.Limits.messages
    /// The number of enclosing functions and subgraphs.
    var depth = 0

    init(
        functions: [ONNXModel.Function], initializers: Set<String>, statistics: Set<String>,
        furtherResults: [String: UnsupportedNode]
    ) {
        var byKey: [String: ONNXModel.Function] = [:]
        for function in functions {
            byKey[Self.key(domain: function.domain, function.name, overload: function.overload)] = function
        }
        self.functions = byKey
        self.initializers = initializers
        weights = initializers.subtracting(statistics)
        self.furtherResults = furtherResults
    }

    static func key(domain: String, _ name: String, overload: String) -> String { "\(domain).\(name):\(overload)" }

    /// Creates a lowering of a single node whose operands are known.
    init(folding node: NodeView, of outer: ONNXLowering) {
        self.init(functions: [], initializers: [], statistics: [], furtherResults: outer.furtherResults)
        for input in node.inputs where !input.isEmpty { values[input] = outer.values[input] }
    }

    func known(_ name: String) -> Tensor? {
        if case .known(let tensor, _) = values[name] { tensor } else { nil }
    }

    /// True when training may change the value of a name.
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

    /// The graph's value of a name. A known tensor becomes a parameter or a constant when it is first read, so that
    /// unread ones never do.
    mutating func operand(_ name: String) throws(FormatError) -> ValueID {
        switch values[name] {
        case .computed(let value):
            return value
        case .known(let tensor, let origin):
            if let value = materialized[origin] { return value }
            let value =
                try isConstant(tensor, origin)
                ? constant(tensor)
                : graph.addParameter(
                    Parameter(name: origin, tensor: tensor, isTrainable: isTrainable(name)))
            materialized[origin] = value
            return value
        case nil:
            throw absent(name)
        }
    }

    /// True for an arithmetic constant, which does not count as a parameter of the network.
    private func isConstant(_ tensor: Tensor, _ origin: String) -> Bool {
        !initializers.contains(origin) && (folded.contains(origin) || tensor.type != .float32 || tensor.shape.rank == 0)
    }

    private mutating func constant(_ tensor: Tensor) throws(FormatError) -> ValueID {
        do { return try graph.append(.constant(tensor), []) } catch { throw .invalidONNX("\(error)") }
    }

    /// The error for a name without a value.
    func absent(_ name: String) -> FormatError {
        if let node = furtherResults[name] {
            return .unsupportedOperator([node])
        }
        return .invalidONNX("value '\(name)' is read before anything computes it")
    }
}
