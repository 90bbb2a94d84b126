/// Who reads each value of a graph in a run.
struct UseLists {
    private let isNeeded: [Bool]
    private let isSeen: [Bool]
    private let readers: [[ValueID]]

    /// - Parameters:
    ///   - graph: what is to run.
    ///   - seen: values that somebody outside of the graph reads.
    init(of graph: Graph, seen: [ValueID]) {
        var isSeen = [Bool](repeating: false, count: graph.nodes.count)
        for value in seen { isSeen[value.index] = true }
        var isNeeded = isSeen
        var readers = [[ValueID]](repeating: [], count: graph.nodes.count)
        for value in graph.values.reversed() where isNeeded[value.index] {
            for operand in Set(graph[value].operands) {
                isNeeded[operand.index] = true
                readers[operand.index].append(value)
            }
        }
        (self.isNeeded, self.isSeen, self.readers) = (isNeeded, isSeen, readers)
    }

    /// Whether the run is for this value, or for one that depends on it.
    func isNeeded(_ value: ValueID) -> Bool { isNeeded[value.index] }

    /// The ops that are all who read a value, the last first; none where somebody outside reads it too.
    func all(of value: ValueID) -> [ValueID] { isSeen[value.index] ? [] : readers[value.index] }

    /// The op that alone reads a value.
    func only(of value: ValueID) -> ValueID? {
        let all = all(of: value)
        return all.count == 1 ? all[0] : nil
    }
}
