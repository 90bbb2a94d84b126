import Collapse
import Compute
import JobContract
import Model

/// About how long a job with the usual options takes, and how much memory.
struct WorkEstimate {
    let seconds: Double
    let peakMemoryBytes: Int

    /// Multiply-adds that one core of today does in a second, in products of the sizes that networks have.
    private static let macsPerSecond = 2e10
    /// Starting, reading, writing and reporting.
    private static let overheadSeconds = 0.5
    /// Forward passes over the data that fitting, searching and verifying come to.
    private static let passes = 8.0

    /// - Parameters:
    ///   - graph: at the batch of the training.
    ///   - candidates: all of them.
    ///   - samples: of the training; none without data.
    ///   - memory: of the work.
    init(_ graph: Graph, _ candidates: [Candidate], samples: Int, memory: MemoryEstimate) {
        let fits = candidates.reduce(0.0) { total, candidate in
            let width = Double(candidate.inFeatures)
            return total + (samples > 0 ? width * width * width / 3 : width * Double(candidate.hidden * candidate.out))
        }
        let work = Double(graph.macs) * Double(samples) * Self.passes + fits
        seconds = Self.overheadSeconds + work / (Self.macsPerSecond * Double(max(1, threadCount)))
        peakMemoryBytes = memory.peakBytes
    }

    /// `estimate` of the interface.
    var document: JSONValue { ["seconds": .double(seconds), "peak_memory_bytes": .int(peakMemoryBytes)] }
}
