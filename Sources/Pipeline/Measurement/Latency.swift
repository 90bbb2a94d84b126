import Collapse
import Compute
import Foundation
import JobContract
import Model

/// The time per run of two networks, measured alternately so that other load on the machine affects both.
struct Latency {
    /// Milliseconds per run.
    struct Percentiles {
        let p50: Double
        let p90: Double
    }

    let original: Percentiles
    let compressed: Percentiles
    let batchSize: Int
    let rounds: Int

    private static let warmUp = 3
    private static let roundLimit = 100
    private static let timeLimit = Duration.seconds(1)

    /// - Parameters:
    ///   - original: the original network.
    ///   - compressed: the compressed network, at the same batch size.
    ///   - samples: one batch of inputs.
    /// - Throws: ``ModelError`` when one of them cannot be run.
    init(_ original: Graph, _ compressed: Graph, on samples: Dataset) throws(ModelError) {
        let plans = [
            try Inference(original, fetching: original.measuredOutputs.map(\.value)),
            try Inference(compressed, fetching: compressed.measuredOutputs.map(\.value)),
        ]
        batchSize = plans[0].batchSize
        let batch = samples.samples(0..<min(batchSize, samples.count))
        let clock = ContinuousClock()
        var times: [[Double]] = [[], []]
        let start = clock.now
        var round = 0
        while times[0].count < 2 || round < Self.roundLimit && clock.now - start < Self.timeLimit {
            // A slow network is warm after one run.
            let isWarm = round >= Self.warmUp || round > 0 && clock.now - start >= Self.timeLimit
            for index in [round % 2, 1 - round % 2] {
                let before = clock.now
                try plans[index].forEachBatch(of: batch) { _, _ in }
                if isWarm { times[index].append((clock.now - before) / .milliseconds(1)) }
            }
            round += 1
        }
        rounds = times[0].count
        self.original = Percentiles(times[0])
        self.compressed = Percentiles(times[1])
    }

    var speedup: Double { original.p50 / max(compressed.p50, .leastNormalMagnitude) }
}

extension Latency.Percentiles {
    fileprivate init(_ times: [Double]) {
        let sorted = times.sorted()
        p50 = sorted[sorted.count / 2]
        p90 = sorted[min(sorted.count - 1, sorted.count * 9 / 10)]
    }
}
