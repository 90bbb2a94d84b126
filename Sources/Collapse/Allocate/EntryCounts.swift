import Compute
import Model

/// The number of times that samples read each entry of a table.
struct EntryCounts {
    let counts: [Int]

    /// Counts the entries.
    ///
    /// - Parameters:
    ///   - site: a table, of any graph in which values have the names of the original's.
    ///   - original: the network.
    ///   - samples: its samples.
    /// - Throws: ``ModelError``.
    init(_ site: Site, in original: Graph, on samples: Dataset) throws(ModelError) {
        guard let table = Sites(in: original)[site.id], case .table(let place) = table.kind else {
            counts = []
            return
        }
        var counts = [Int](repeating: 0, count: place.entries)
        let indices = try Inference(original, fetching: [place.indices])
        let mask = try samples.mask()
        try indices.forEachBatch(of: samples) { (range, values) throws(ModelError) in
            let isCounted = try mask.map { mask throws(ModelError) in mask.rows(range).bools }
            for (position, index) in values[0].integers.enumerated() {
                // An index below zero counts from the end, and padding does not count.
                let entry = index < 0 ? index + place.entries : index
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
