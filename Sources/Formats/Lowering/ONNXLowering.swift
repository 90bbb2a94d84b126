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

    private(set) var graph = Graph()
    private var values: [String: Value] = [:]
    /// The graph's values of known tensors that ops have read, by the tensors' names.
    private var materialized: [String: ValueID] = [:]
    /// The names of folded values.
    private var folded: Set<String> = []
    /// The operators that the file itself defines, by ``key(domain:_:overload:)``.
    private let functions: [String: ONNXModel.Function]
    /// The names of the initializers of the file.
    private let initializers: Set<String>
    /// The names of initializers that training may change: neither arithmetic constants nor statistics.
    private let weights: Set<String>
    /// The further results of nodes, with the nodes that would compute them, for errors.
    private let furtherResults: [String: UnsupportedNode]
    private var limits = Allowance()
    /// The types of known integers that are held as floats, by name; nil for a model that is not quantized, whose narrow
    /// integers are not read.
    private var narrowIntegers: [String: NarrowInteger]?

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

    func function(_ node: ONNXModel.Node) -> ONNXModel.Function? {
        functions.isEmpty ? nil : functions[Self.key(domain: node.domain, node.opType, overload: node.overload)]
    }

    static func key(domain: String, _ name: String, overload: String) -> String { "\(domain).\(name):\(overload)" }

    // MARK: Names and their values

    /// Takes narrow integers as floats.
    mutating func readNarrowIntegers(_ types: [String: NarrowInteger]) { narrowIntegers = types }

    /// True for a model that is quantized.
    var readsNarrowIntegers: Bool { narrowIntegers != nil }

    /// The type of a known name whose integers are held as floats; nil for any other.
    func integerType(_ name: String) -> NarrowInteger? { narrowIntegers?[name] }

    /// Gives a name narrow integers, held as floats.
    mutating func define(_ name: String, _ tensor: Tensor, of type: NarrowInteger) {
        define(name, .known(tensor, name: name))
        narrowIntegers?[name] = type
    }

    /// Gives a name its value.
    mutating func define(_ name: String, _ value: Value) { values[name] = value }

    /// Gives a name a value that was computed while lowering.
    mutating func define(_ name: String, folded tensor: Tensor) {
        values[name] = .known(tensor, name: name)
        folded.insert(name)
    }

    /// Adds an input of a type with the samples first; the nodes read it with the samples on the axis of the file.
    mutating func addInput(_ name: String, _ type: ValueType, sampleAxis: Int) throws(FormatError) {
        let input = graph.addInput(name, type)
        values[name] = .computed(sampleAxis == 0 ? input : try exchanged(input, name: name))
    }

    /// Adds an output, with the samples first if it has as many on the axis where the file says that they are.
    mutating func addOutput(_ name: String, sampleAxis: Int) throws(FormatError) {
        let value = try operand(name)
        let sizes = graph.shape(value).dimensions
        let isExchanged = sampleAxis == 1 && sizes.count > 1 && sizes[1] == graph.batchSize
        graph.addOutput(name, isExchanged ? try exchanged(value) : value)
    }

    /// The value with its first two axes exchanged, by an op without a node of the document.
    private mutating func exchanged(_ value: ValueID, name: String = "") throws(FormatError) -> ValueID {
        do { return try graph.append(graph.exchangingAxes(of: value), [value], name: name) } catch {
            throw .invalidONNX("\(error)")
        }
    }

    /// True for a name whose value an op computes.
    func isComputed(_ name: String) -> Bool { if case .computed = values[name] { true } else { false } }

    /// The value of a name, if it has one.
    func found(_ name: String) -> Value? { values[name] }

    /// The value of a name.
    func value(_ name: String) throws(FormatError) -> Value {
        guard let value = values[name] else { throw absent(name) }
        return value
    }

    /// Creates a lowering of a single node whose operands are known.
    init(folding node: NodeView, of outer: ONNXLowering) {
        self.init(functions: [], initializers: [], statistics: [], furtherResults: outer.furtherResults)
        for input in node.inputs where !input.isEmpty { values[input] = outer.values[input] }
        narrowIntegers = outer.narrowIntegers
    }

    func known(_ name: String) -> Tensor? { if case .known(let tensor, _) = values[name] { tensor } else { nil } }

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

    /// Adds a weight that was computed while lowering, and is not trained.
    mutating func addParameter(_ name: String, _ tensor: Tensor) -> ValueID {
        graph.addParameter(Parameter(name: name, tensor: tensor, isTrainable: false))
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

    // MARK: Ops

    /// Appends an op.
    ///
    /// - Throws: ``FormatError`` when its operands do not fit, or when its result is too large.
    mutating func emit(
        _ op: Op, _ operands: [ValueID], _ node: NodeView, name: String = ""
    ) throws(FormatError) -> ValueID {
        let value: ValueID
        do throws(ModelError) {
            value = try graph.append(op, operands, name: name, scope: node.scope, origin: Origin(nodes: [node.index]))
        } catch {
            switch error {
            case .shape(_, let reason): throw unfit(node, "\(reason)")
            case .elementType(_, let expected, let found):
                throw .unsupportedType("node \(node.description) works on \(found): only \(expected) can be run here")
            default: throw unfit(node, "\(error)")
            }
        }
        let type = graph.type(value)
        guard type.shape.rank <= Limits.rank else { throw unfit(node, "its result has \(type.shape.rank) axes") }
        guard type.shape.elementCount <= Limits.elements else {
            throw .tooLarge("node \(node.description): its result of shape \(type.shape) is too large")
        }
        return value
    }

    /// The maximum number of axes and elements of a value.
    enum Limits {
        /// The maximum number of axes: that of oneDNN.
        static let rank = 12
        /// The maximum number of elements: beyond any machine's memory, and small enough that sums of byte sizes do not
        /// overflow.
        static let elements = 1 << 38
    }

    // MARK: Work that is bounded

    /// The work that is left for a file whose functions and loops multiply it.
    private struct Allowance {
        /// The number of elements that may still be folded; folded tensors are kept in memory.
        var foldedElements = 1 << 26
        /// The number of nodes that may still be lowered; those in functions and loops count once per run.
        var nodes = ONNXDocument.Limits.messages
        /// The number of enclosing functions and subgraphs.
        var depth = 0
    }

    /// The maximum depth of calls: recursive functions never end.
    private static let depthLimit = 32

    /// Counts a node.
    ///
    /// - Throws: ``FormatError/tooLarge(_:)`` beyond the limit.
    mutating func count() throws(FormatError) {
        limits.nodes -= 1
        guard limits.nodes >= 0 else { throw .tooLarge("the model has too many nodes once its functions are put in") }
    }

    /// Counts elements that are folded.
    ///
    /// - Returns: false when they are too many.
    mutating func allowsFolding(_ elements: Int) -> Bool {
        guard elements <= limits.foldedElements else { return false }
        limits.foldedElements -= elements
        return true
    }

    /// Enters a function or a subgraph of a node.
    ///
    /// - Throws: ``FormatError/tooLarge(_:)`` beyond the limit.
    mutating func enter(_ node: NodeView) throws(FormatError) {
        guard limits.depth < Self.depthLimit else {
            throw .tooLarge("node \(node.description) is too deep in other functions")
        }
        limits.depth += 1
    }

    mutating func leave() { limits.depth -= 1 }

    /// Returns to the document's own nodes after an error.
    mutating func leaveAll() { limits.depth = 0 }
}
