import Collapse
import Compute
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
    /// What the program itself takes before it has read anything.
    private static let programBytes = 50 << 20

    /// - Parameters:
    ///   - graph: at the batch of the training.
    ///   - candidates: all of them.
    ///   - samples: of the training; none without data.
    init(_ graph: Graph, _ candidates: [Candidate], samples: Int) {
        let fits = candidates.reduce(0.0) { total, candidate in
            let width = Double(candidate.inFeatures)
            return total + (samples > 0 ? width * width * width / 3 : width * Double(candidate.hidden * candidate.out))
        }
        let work = Double(graph.macs) * Double(samples) * Self.passes + fits
        seconds = Self.overheadSeconds + work / (Self.macsPerSecond * Double(max(1, threadCount)))

        let weights = graph.parameters.reduce(0) { $0 &+ $1.tensor.byteCount }
        // Sums of x xT in Float64 for the widest layer, its factor, and its map in both precisions.
        let moments = candidates.map { 3 * 8 * ($0.inFeatures + $0.out) * ($0.inFeatures + 1) }.max() ?? 0
        let batch = graph.batchSize
        var activations = 0
        for value in graph.values where graph.parameterIndex(value) == nil {
            let type = graph.type(value)
            let (bytes, overflow) = type.shape.elementCount.multipliedReportingOverflow(by: type.element.byteCount)
            activations += overflow ? 0 : min(bytes, 1 << 50)
        }
        let inputs = graph.inputs.reduce(0) { $0 + graph.shape($1).elementCount / batch * 4 }
        let data = inputs.multipliedReportingOverflow(by: samples)
        peakMemoryBytes =
            Self.programBytes &+ weights &+ moments &+ (samples > 0 ? 2 * activations : 0)
            &+ (data.overflow ? 0 : data.partialValue)
    }

    /// `estimate` of the interface.
    var document: JSONValue { ["seconds": .double(seconds), "peak_memory_bytes": .int(max(0, peakMemoryBytes))] }
}
