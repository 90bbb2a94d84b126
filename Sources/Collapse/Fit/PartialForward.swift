import Compute
import Model

/// A forward pass in stages: values at one point of the network are computed and kept, and the pass continues from
/// there.
struct PartialForward {
    /// The part of the network that is still to be computed. Values keep their names.
    private(set) var rest: Graph
    /// The samples with the inputs of ``rest``.
    private(set) var samples: [Dataset]
    /// The whole network.
    private let whole: Graph
    private(set) var given: [Dataset]

    private let byteLimit: Int

    /// The maximum memory of kept values. A pass that would need more continues from the last point that fits.
    static let defaultByteLimit = 1 << 28

    init(_ graph: Graph, _ samples: [Dataset], byteLimit: Int = PartialForward.defaultByteLimit) {
        (rest, whole) = (graph, graph)
        (self.samples, given) = (samples, samples)
        self.byteLimit = byteLimit
    }

    /// Computes everything before a value, unless the results are too large to keep.
    ///
    /// - Parameters:
    ///   - place: a value of ``rest``.
    ///   - kept: values that ``rest`` must still have afterwards, although no output depends on them.
    /// - Throws: ``ModelError``.
    mutating func advance(to place: ValueID, keeping kept: [ValueID] = []) throws(ModelError) {
        let continuation = GraphSuffix(of: rest, from: place, keeping: kept)
        guard byteCount(keptIn: continuation.rest) <= byteLimit else { return }
        let inputs = continuation.rest.inputs.compactMap { continuation.rest.inputName($0) }
        let frontier = continuation.frontier
        let inference = frontier.isEmpty ? nil : try Inference(rest, fetching: frontier.map(\.value))
        for index in samples.indices {
            let computed = try inference?.outputs(for: samples[index]) ?? []
            samples[index].inputs = samples[index].inputs.filter { inputs.contains($0.key) }
            for (boundary, tensor) in zip(frontier, computed) { samples[index].inputs[boundary.input] = tensor }
        }
        rest = continuation.rest
    }

    /// Applies rewrites to ``rest``.
    mutating func replace(_ rewrites: [Rewrite]) throws(ModelError) { rest = try rest.replacing(rewrites) }

    /// Removes the first of the sample sets.
    mutating func dropFirstSamples() {
        samples.removeFirst()
        given.removeFirst()
    }

    /// Restarts from the whole network, with nothing replaced.
    mutating func restart() { (rest, samples) = (whole, given) }

    private func byteCount(keptIn graph: Graph) -> Int {
        let count = samples.reduce(0) { $0 + $1.count }
        let names = Set(whole.inputs.compactMap { whole.inputName($0) })
        return graph.inputs.reduce(0) { total, input in
            guard let name = graph.inputName(input), !names.contains(name) else { return total }
            return total + graph.bytesPerSample(input) * count
        }
    }
}
