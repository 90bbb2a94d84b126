import Collapse
import Compute
import JobContract
import Model

/// An estimate of the time and memory of a job with default options.
struct WorkEstimate {
    let seconds: Double
    let peakMemoryBytes: Int

    /// Multiply-adds per second of one current core, in products of typical network sizes.
    private static let macsPerSecond = 2e10
    /// The time for starting, reading, writing and reporting.
    private static let overheadSeconds = 0.5
    /// Forward passes over the data for fitting, searching and verifying.
    private static let passes = 8.0

    /// - Parameters:
    ///   - graph: the network at the training batch size.
    ///   - candidates: all candidates of `graph`.
    ///   - samples: number of training samples; 0 without data.
    ///   - memory: memory estimate of the same work.
    init(_ graph: Graph, _ candidates: [Candidate], samples: Int, memory: MemoryEstimate) {
        let fits = candidates.reduce(0.0) { total, candidate in
            let width = Double(candidate.inFeatures)
            return total + (samples > 0 ? width * width * width / 3 : width * Double(candidate.hidden * candidate.out))
        }
        let work = Double(graph.macs) * Double(samples) * Self.passes + fits
        seconds = Self.overheadSeconds + work / (Self.macsPerSecond * Double(max(1, threadCount)))
        peakMemoryBytes = memory.peakBytes
    }

    /// The member `estimate` of a plan.
    var document: JSONValue { ["seconds": .double(seconds), "peak_memory_bytes": .int(peakMemoryBytes)] }
}
