/// The consumers of each value of a graph in a run.
struct UseLists {
    private let isNeeded: [Bool]
    private let isSeen: [Bool]
    private let readers: [[ValueID]]

    /// - Parameters:
    ///   - graph: the graph to run.
    ///   - seen: values that are read outside of the graph.
    init(of graph: Graph, seen: [ValueID]) {
        var isSeen = [Bool](repeating: false, count: graph.nodes.count)
        for value in seen { isSeen[value.index] = true }
        let isNeeded = graph.needed(for: seen)
        var readers = [[ValueID]](repeating: [], count: graph.nodes.count)
        for value in graph.values.reversed() where isNeeded[value.index] {
            for operand in Set(graph[value].operands) { readers[operand.index].append(value) }
        }
        (self.isNeeded, self.isSeen, self.readers) = (isNeeded, isSeen, readers)
    }

    /// True for a seen value, or one that a seen value depends on.
    func isNeeded(_ value: ValueID) -> Bool { isNeeded[value.index] }

    /// All ops that read a value, the last first; none if it is also read outside of the graph.
    func all(of value: ValueID) -> [ValueID] { isSeen[value.index] ? [] : readers[value.index] }

    /// The op that is the only consumer of a value.
    func only(of value: ValueID) -> ValueID? {
        let all = all(of: value)
        return all.count == 1 ? all[0] : nil
    }
}
