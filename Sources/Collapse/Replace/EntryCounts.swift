import Compute
import Model

/// The number of times that samples read each entry of a table.
struct EntryCounts {
    let counts: [Int]

    /// Counts the entries.
    ///
    /// - Parameters:
    ///   - table: a table of the graph.
    ///   - graph: the network.
    ///   - samples: its samples.
    /// - Throws: ``ModelError``.
    init(_ table: EmbeddingTable, in graph: Graph, on samples: Dataset) throws(ModelError) {
        var counts = [Int](repeating: 0, count: table.entries)
        let indices = try Inference(graph, fetching: [table.indices])
        let mask = try samples.mask()
        try indices.forEachBatch(of: samples) { (range, values) throws(ModelError) in
            let isCounted = mask?.rows(range).bools
            for (position, index) in values[0].integers.enumerated() {
                // An index below zero counts from the end, and padding does not count.
                let entry = index < 0 ? index + table.entries : index
                guard counts.indices.contains(entry), isCounted.map({ $0.count <= position || $0[position] }) ?? true
                else { continue }
                counts[entry] += 1
            }
        }
        self.counts = counts
    }
}

extension Tensor {
    /// The elements of a tensor of integers.
    fileprivate var integers: [Int] { type == .int32 ? int32s.map(Int.init) : int64s.map(Int.init) }
}
