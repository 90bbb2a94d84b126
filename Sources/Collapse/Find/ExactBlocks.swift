import Compute
package import Model
package import Options

/// Finds the exact blocks of a graph.
struct ExactBlocks {
    /// The blocks in graph order; none shares an op with another.
    private(set) var found: [ExactBlock] = []

    private let graph: Graph
    private let consumers: [[ValueID]]

    /// The maximum number of ops of a block.
    private static let sizeLimit = 64

    init(in graph: Graph) {
        (self.graph, consumers) = (graph, graph.consumers())
        var taken: Set<ValueID> = []
        // From the last result on, so that the largest block is found before its parts.
        for value in graph.values.reversed() where !taken.contains(value) {
            guard let block = best(endingWith: value) else { continue }
            found.append(block)
            taken.formUnion(block.nodes)
        }
        found.reverse()
    }

    /// The block with a result that saves the most parameters.
    private func best(endingWith result: ValueID) -> ExactBlock? {
        let axes: [FeatureAxis] = graph.shape(result).rank > 2 ? [.last, .second] : [.last]
        var best: ExactBlock?
        for axis in axes {
            guard let last = part(result, axis) else { continue }
            var (parts, open) = ([last], Set(last.operands))
            while let next = open.max(), parts.count < Self.sizeLimit {
                if open.count == 1,
                    let block = ExactBlock(
                        parts.sorted { $0.value < $1.value }, of: next, axis: axis, in: graph, consumers: consumers),
                    block.profit.saving >= best?.profit.saving ?? 0
                {
                    best = block
                }
                // An op that is read elsewhere stays.
                let own = Set(parts.map(\.value))
                guard consumers[next.index].allSatisfy(own.contains), !graph.isOutput(next), let part = part(next, axis)
                else { break }
                parts.append(part)
                open.remove(next)
                open.formUnion(part.operands)
            }
        }
        return best
    }

    private func part(_ value: ValueID, _ axis: FeatureAxis) -> LinearPart? {
        LinearPart(value, axis: axis, in: graph, consumers: consumers)
    }
}

extension Graph {
    /// The network with a linear layer in the place of each exact block that the options leave in.
    ///
    /// - Parameters:
    ///   - options: the user's options.
    ///   - isComputed: false to put zeros in the place of the weights, to count parameters and memory.
    /// - Returns: the network, and the blocks in the order in which they were replaced.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    package func mergedExactly(
        _ options: JobOptions, isComputed: Bool = true
    ) throws(ModelError) -> (graph: Graph, blocks: [ExactBlock]) {
        var (graph, blocks, left) = (self, [ExactBlock](), Set<String>())
        while true {
            var (rewrites, found) = ([Rewrite](), [ExactBlock]())
            for block in ExactBlocks(in: graph).found where options.admits(block.name) && !left.contains(block.name) {
                guard let rewrite = try isComputed ? block.rewrite(in: graph) : block.placeholder() else { continue }
                rewrites.append(rewrite)
                found.append(block)
            }
            guard !rewrites.isEmpty else { return (graph, blocks) }
            let merged = try graph.replacing(rewrites)
            let lost = graph.candidates(goneIn: merged)
            let costly = found.filter { block in lost.contains { $0.saves(moreThan: block, in: graph) } }
            guard costly.isEmpty else {
                left.formUnion(costly.map(\.name))
                continue
            }
            (graph, blocks) = (merged, blocks + found)
        }
    }

    /// The candidates that are none in a network with exact merges, such as one whose first layer has been merged with what
    /// is before a reshape and then has other rows than its second.
    private func candidates(goneIn merged: Graph) -> [Candidate] {
        let kept = Set(Candidates(in: merged).found.map(\.id))
        return Candidates(in: self).found.filter { !kept.contains($0.id) }
    }
}

extension Candidate {
    /// True when it shares ops with an exact block and saves more parameters.
    fileprivate func saves(moreThan block: ExactBlock, in graph: Graph) -> Bool {
        let own = Set(block.nodes)
        return Profit(self, in: graph).saving > block.profit.saving && uses.contains { !own.isDisjoint(with: $0.nodes) }
    }
}
