/// What names mean where a node stands: in the document itself, in a function that it calls, or in a subgraph.
struct Frame {
    /// The version of the standard operators.
    let opset: Int
    /// What stands in front of names that are defined here, so that each name of the lowering is defined once.
    let prefix: String
    /// Whether it sees nothing of what is around it, as a function.
    let isClosed: Bool
    /// The attributes of the node that calls the function.
    let arguments: [String: ONNXModel.Attribute]
    private var names: [String: String]

    /// That of the document itself.
    init(opset: Int) {
        (self.opset, prefix, isClosed, arguments, names) = (opset, "", false, [:], [:])
    }

    /// That of a function that a node calls.
    init(opset: Int, prefix: String, arguments: [String: ONNXModel.Attribute]) {
        (self.opset, self.prefix, isClosed, self.arguments, names) = (opset, prefix, true, arguments, [:])
    }

    /// That of a subgraph of a node in `outer`.
    init(in outer: Frame, prefix: String) {
        (opset, self.prefix, isClosed) = (outer.opset, prefix, outer.isClosed)
        (arguments, names) = (outer.arguments, outer.names)
    }

    /// The name that an inner one stands for; none for none.
    func resolve(_ name: String) -> String {
        name.isEmpty ? "" : names[name] ?? (isClosed ? prefix + name : name)
    }

    /// Lets an inner name stand for an outer one.
    mutating func bind(_ name: String, to outer: String) { names[name] = outer }

    /// The name of a result of a node that stands here.
    mutating func define(_ name: String) -> String {
        guard !prefix.isEmpty, !name.isEmpty else { return name }
        if let bound = promised[name] { return bound }
        names[name] = prefix + name
        return prefix + name
    }

    /// Inner names whose results are those of the node around, under the names that they have there.
    private var promised: [String: String] = [:]

    mutating func promise(_ name: String, as outer: String) {
        promised[name] = outer
        names[name] = outer
    }
}
