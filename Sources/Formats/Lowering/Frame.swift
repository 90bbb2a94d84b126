/// The scope of the names of a node: the document, a function that is called, or a subgraph.
struct Frame {
    /// The opset of the default domain.
    let opset: Int
    /// The prefix of names defined here, which makes each name of the lowering unique.
    let prefix: String
    /// True for a function, which sees no outer names.
    let isClosed: Bool
    /// The attributes of the node that calls the function.
    let arguments: [String: ONNXModel.Attribute]
    private var names: [String: String]

    /// Creates the frame of the document.
    init(opset: Int) { (self.opset, prefix, isClosed, arguments, names) = (opset, "", false, [:], [:]) }

    /// Creates the frame of a function that a node calls.
    init(opset: Int, prefix: String, arguments: [String: ONNXModel.Attribute]) {
        (self.opset, self.prefix, isClosed, self.arguments, names) = (opset, prefix, true, arguments, [:])
    }

    /// Creates the frame of a subgraph of a node in `outer`.
    init(in outer: Frame, prefix: String) {
        (opset, self.prefix, isClosed) = (outer.opset, prefix, outer.isClosed)
        (arguments, names) = (outer.arguments, outer.names)
    }

    /// The name in the lowering of an inner name; empty for an empty one.
    func resolve(_ name: String) -> String { name.isEmpty ? "" : names[name] ?? (isClosed ? prefix + name : name) }

    /// Binds an inner name to an outer one.
    mutating func bind(_ name: String, to outer: String) { names[name] = outer }

    /// Defines a result of a node in this frame, and returns its name in the lowering.
    mutating func define(_ name: String) -> String {
        guard !prefix.isEmpty, !name.isEmpty else { return name }
        if let bound = promised[name] { return bound }
        names[name] = prefix + name
        return prefix + name
    }

    /// The inner names of results of the enclosing node, with their outer names.
    private var promised: [String: String] = [:]

    mutating func promise(_ name: String, as outer: String) {
        promised[name] = outer
        names[name] = outer
    }
}
