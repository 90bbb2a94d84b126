import ByteText

extension ONNXModel {
    /// Rejects a file that spells one name in two ways.
    ///
    /// Swift compares strings by canonical equivalence (`é` equals `e` with a combining accent), and so do the
    /// dictionaries of names; the file system and other readers of ONNX compare bytes. Where the two differ, a name
    /// would mean one thing here and another elsewhere.
    ///
    /// - Throws: ``FormatError/invalidONNX(_:)``.
    func checkSpelling() throws(FormatError) {
        var spelling = Spelled()
        try spelling.take(inputs.map(\.name))
        try spelling.take(outputs.map(\.name))
        for initializer in initializers {
            try spelling.take([initializer.name, initializer.external["location"] ?? ""])
        }
        try spelling.take(nodes)
        for function in functions {
            try spelling.take([function.domain, function.name, function.overload])
            try spelling.take(function.inputs + function.outputs)
            try spelling.take(function.nodes)
        }
    }

    /// The names found so far, each in its first spelling.
    private struct Spelled {
        private var names: Set<String> = []

        mutating func take(_ more: [String]) throws(FormatError) {
            for name in more {
                guard names.insert(name).memberAfterInsert.hasBytes(of: name) else {
                    throw .invalidONNX("two names read '\(name)' and differ in their bytes: rename one of them")
                }
            }
        }

        /// Adds the names of nodes and their subgraphs, whose nesting the reader limits.
        mutating func take(_ nodes: [Node]) throws(FormatError) {
            for node in nodes {
                try take([node.domain, node.opType, node.overload])
                try take(node.inputs)
                try take(node.outputs)
                for case .graph(let graph) in node.attributes.values {
                    try take(graph.inputs)
                    try take(graph.outputs)
                    try take(graph.initializers.map(\.name))
                    try take(graph.nodes)
                }
            }
        }
    }
}
