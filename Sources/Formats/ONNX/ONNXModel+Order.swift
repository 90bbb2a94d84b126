extension ONNXModel {
    /// Puts nodes behind those that compute what they read, as ONNX Runtime does, which reads files in any order.
    ///
    /// Nodes in order stay where they are, and so do those of a cycle, for which reading then gives an error.
    mutating func sortNodes() {
        var makers: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { makers[output] = index }
        }
        let isSorted = nodes.enumerated().allSatisfy { index, node in
            node.reads.allSatisfy { (makers[$0] ?? -1) < index }
        }
        guard !isSorted else { return }
        enum Mark { case new, open, done }
        var marks = [Mark](repeating: .new, count: nodes.count)
        var order: [Int] = []
        for start in nodes.indices where marks[start] == .new {
            var path = [start]
            while let index = path.last {
                switch marks[index] {
                case .new:
                    marks[index] = .open
                    for name in nodes[index].reads {
                        guard let maker = makers[name], marks[maker] != .done else { continue }
                        // A cycle.
                        guard marks[maker] == .new else { return }
                        path.append(maker)
                    }
                case .open:
                    marks[index] = .done
                    order.append(index)
                    path.removeLast()
                case .done: path.removeLast()
                }
            }
        }
        nodes = order.map { nodes[$0] }
    }
}
