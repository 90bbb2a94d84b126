import ByteText
import Compute
import Formats
import Model

/// The inputs and outputs of a network, as its callers see them.
struct Interface {
    struct Port {
        let name: String
        /// The element type and sizes, such as `float32 [N, 10]`; nil for an output that is not run.
        let type: String?
    }

    let inputs: [Port]
    let outputs: [Port]

    init(inputs: [Port], outputs: [Port]) { (self.inputs, self.outputs) = (inputs, outputs) }

    /// The names alone, known before the network is built.
    init(declaredBy document: ONNXDocument) {
        inputs = document.model.inputs.filter { document.weights[$0.name] == nil }.map {
            Port(name: $0.name, type: nil)
        }
        outputs = document.model.outputs.map { Port(name: $0.name, type: nil) }
    }

    /// The types of the inputs and of the outputs that are run.
    init(_ graph: Graph, of document: ONNXDocument) {
        func port(_ name: String, _ value: ValueID) -> Port {
            let (type, batch) = (graph.type(value), graph.batchSize)
            var sizes = type.shape.dimensions.map(String.init)
            if type.shape.dimensions.first == batch { sizes[0] = "N" }
            return Port(name: name, type: "\(type.element) [\(sizes.joined(separator: ", "))]")
        }
        inputs = graph.inputs.map { port(graph[$0].name, $0) }
        let own = Set(document.model.outputs.map(\.name))
        outputs = graph.outputs.filter { own.contains($0.name) }.map { port($0.name, $0.value) }
    }

    /// The differences from another interface, one sentence each.
    ///
    /// - Parameters:
    ///   - old: the interface that callers rely on.
    ///   - names: the names of both files, that of this one first.
    /// - Returns: nothing when a caller cannot tell them apart.
    func differences(from old: Interface, names: (new: String, old: String)) -> [String] {
        Self.differences("input", old.inputs, inputs, names) + Self.differences("output", old.outputs, outputs, names)
    }

    private static func differences(
        _ what: String, _ old: [Port], _ new: [Port], _ names: (new: String, old: String)
    ) -> [String] {
        func port(_ name: String, in ports: [Port]) -> Port? { ports.first { $0.name.hasBytes(of: name) } }
        let missing = old.filter { port($0.name, in: new) == nil }
        let added = new.filter { port($0.name, in: old) == nil }
        if missing.count == 1, added.count == 1 {
            return ["the \(what) '\(missing[0].name)' of \(names.old) is named '\(added[0].name)' in \(names.new)"]
        }
        let changed = old.compactMap { port -> String? in
            guard let other = new.first(where: { $0.name.hasBytes(of: port.name) }), let before = port.type,
                let after = other.type, before != after
            else { return nil }
            return "the \(what) '\(port.name)' is \(before) in \(names.old) and \(after) in \(names.new)"
        }
        return missing.map { "\(names.new) lacks the \(what) '\($0.name)'" }
            + added.map { "\(names.new) has another \(what), '\($0.name)'" } + changed
    }
}
