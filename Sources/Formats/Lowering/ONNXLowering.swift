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
    /// Names of the tensors that the file holds beside its nodes.
    let initializers: Set<String>
    /// Names of those that training may change: neither constants of the arithmetic nor statistics.
    let weights: Set<String>
    /// Names of what has been computed from known tensors.
    var folded: Set<String> = []
    /// Results of nodes after their first, which no op of ours computes, and who would.
    let furtherResults: [String: UnsupportedNode]
    /// How many more elements may be computed now: whatever follows from constants takes memory for good.
    var foldableElements = 1 << 26
    /// How many more nodes may be lowered, those in functions and loops as often as they are run.
    var nodesLeft = ONNXDocument.Limits.messages
    /// How many functions and subgraphs the lowering is in.
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

    /// For a single node over what is known.
    init(folding node: NodeView, of outer: ONNXLowering) {
        self.init(functions: [], initializers: [], statistics: [], furtherResults: outer.furtherResults)
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

    /// The value behind a name; a known tensor becomes a parameter or a constant when it is first read, so that unread
    /// ones never do.
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

    /// Whether a tensor belongs to the arithmetic and not to the network: nobody counts it as a parameter.
    private func isConstant(_ tensor: Tensor, _ origin: String) -> Bool {
        !initializers.contains(origin) && (folded.contains(origin) || tensor.type != .float32 || tensor.shape.rank == 0)
    }

    private mutating func constant(_ tensor: Tensor) throws(FormatError) -> ValueID {
        do { return try graph.append(.constant(tensor), []) } catch { throw .invalidONNX("\(error)") }
    }

    /// Why a name that is read stands for nothing.
    func absent(_ name: String) -> FormatError {
        if let node = furtherResults[name] {
            return .unsupportedOperator([node])
        }
        return .invalidONNX("value '\(name)' is read before anything computes it")
    }
}
