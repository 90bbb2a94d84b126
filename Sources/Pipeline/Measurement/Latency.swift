import ByteText
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
    let speedup: Speedup
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
        speedup = Speedup(ratios: zip(times[0], times[1]).map { $0 / max($1, .leastNormalMagnitude) })
    }
}

/// The time of the original over that of the compressed network, as the median of alternating rounds.
struct Speedup {
    let ratio: Double
    /// The 95 % interval of the median by its order statistics; of fewer than six rounds their whole range, which covers
    /// it less often.
    let interval: ClosedRange<Double>

    /// - Parameter ratios: one of each round; at least one.
    init(ratios: [Double]) {
        let sorted = ratios.sorted()
        ratio = sorted[sorted.count / 2]
        // The median lies below the order statistic of a rank as often as fewer than that of as many coins show heads.
        var low = 0
        var term = Double(sign: .plus, exponent: -sorted.count, significand: 1)
        var below = term
        while low + 1 < sorted.count / 2 {
            term *= Double(sorted.count - low) / Double(low + 1)
            below += term
            guard below <= 0.025 else { break }
            low += 1
        }
        interval = sorted[low]...sorted[sorted.count - 1 - low]
    }

    /// The claim of the last line.
    var words: String {
        if interval.contains(1) { return "no faster within noise" }
        return ratio > 1 ? "\(NumberFormat.times(ratio)) faster" : "\(NumberFormat.times(1 / ratio)) slower"
    }
}

extension Latency.Percentiles {
    fileprivate init(_ times: [Double]) {
        let sorted = times.sorted()
        p50 = sorted[sorted.count / 2]
        p90 = sorted[min(sorted.count - 1, sorted.count * 9 / 10)]
    }
}
