import Compute

/// The liveness of each value of a graph: whether a run needs it, which buffer holds it, and during which steps it is
/// alive.
struct Lifetimes {
    private(set) var isNeeded: [Bool]
    /// True for values that are another value's memory under another shape.
    private(set) var isView: [Bool]
    /// The value whose buffer holds each value: itself, the value it is a view of, or the operand it overwrites.
    private(set) var roots: [ValueID]
    /// The offset in bytes of each value in its root's buffer.
    private(set) var offsets: [Int]
    /// The steps during which the buffer of each root is in use.
    private(set) var ranges: [ClosedRange<Int>]
    private let isLeaf: [Bool]
    private var turns: [ValueID: Int] = [:]

    init(of graph: Graph, fetching: [ValueID], updates: [ExecutionPlan.Update]) {
        isNeeded = graph.needed(for: fetching + updates.map(\.gradient) + graph.inputs)
        isLeaf = graph.nodes.map(\.operands.isEmpty)
        isView = [Bool](repeating: false, count: graph.nodes.count)
        roots = graph.values
        offsets = graph.nodes.indices.map { _ in 0 }
        ranges = graph.nodes.indices.map { $0...$0 }

        // Views first: their consumers keep the buffer behind them alive.
        for value in graph.values where isNeeded[value.index] {
            guard let offset = graph[value].viewOffset(in: graph) else { continue }
            let operand = graph[value].operands[0]
            isView[value.index] = true
            roots[value.index] = roots[operand.index]
            offsets[value.index] = offsets[operand.index] + offset
        }
        var lastRead = graph.nodes.indices.map { $0 }
        for value in graph.values where isNeeded[value.index] {
            for operand in graph[value].operands { lastRead[roots[operand.index].index] = value.index }
        }
        for update in updates {
            let turn = max(lastRead[update.parameter.index], update.gradient.index)
            turns[update.parameter] = turn
            let root = roots[update.gradient.index].index
            lastRead[root] = max(lastRead[root], turn)
        }
        for value in fetching { lastRead[roots[value.index].index] = graph.nodes.count }

        // Then in place: an element-wise op may overwrite an operand that is not read after it.
        for value in graph.values where isNeeded[value.index] && !isView[value.index] && graph[value].op.isElementwise {
            for operand in graph[value].operands {
                let root = roots[operand.index]
                let isFree = !isLeaf[root.index] && lastRead[root.index] == value.index
                guard isFree, graph.type(operand) == graph.type(value) else { continue }
                let others = graph[value].operands.filter { $0 != operand }
                guard others.allSatisfy({ roots[$0.index] != root }) else { continue }
                roots[value.index] = root
                offsets[value.index] = offsets[operand.index]
                lastRead[root.index] = max(lastRead[root.index], lastRead[value.index])
                for later in graph.values where roots[later.index] == value {
                    roots[later.index] = root
                    offsets[later.index] += offsets[value.index]
                }
                break
            }
        }
        for index in graph.nodes.indices { ranges[index] = index...max(index, lastRead[index]) }
    }

    /// True when the value needs its own memory in the arena.
    func ownsBuffer(_ value: ValueID) -> Bool {
        isNeeded[value.index] && !isLeaf[value.index] && roots[value.index] == value
    }

    /// The step after which the update happens.
    func turn(of update: ExecutionPlan.Update) -> Int? { turns[update.parameter] }
}

extension Node {
    /// The offset in bytes of the result in its operand, if the result is a view of it; else nil.
    fileprivate func viewOffset(in graph: Graph) -> Int? {
        switch op {
        case .reshape: return 0
        case .cast(let element): return graph.type(operands[0]).element == element ? 0 : nil
        case .slice(let axis, let start, _, let step):
            let sizes = graph.shape(operands[0]).dimensions
            guard step == 1, sizes[..<axis].allSatisfy({ $0 == 1 }) else { return nil }
            return start * sizes[(axis + 1)...].reduce(type.element.byteCount, *)
        default: return nil
        }
    }
}

extension Op {
    /// True when each element of the result depends on the same element of each operand of its shape.
    fileprivate var isElementwise: Bool {
        switch self {
        case .unary, .binary, .logical, .predicate, .select, .unaryGradient, .binaryGradient, .chain: true
        default: false
        }
    }
}
