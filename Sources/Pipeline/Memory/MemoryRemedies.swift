import Compute
import Formats
import JobContract
import Model

/// The same work at smaller sizes, to find one that fits a memory limit.
struct MemoryRemedies {
    let model: SourceModel
    let graph: Graph
    /// Estimates the same work on another graph.
    let estimate: (Graph) throws -> MemoryEstimate

    /// Checks the work against a limit.
    ///
    /// - Parameters:
    ///   - limit: the memory limit; nil when unknown.
    ///   - others: remedies other than a smaller batch and shorter samples.
    /// - Throws: ``Problem`` that names the changes that would fit, when the work does not.
    func require(_ limit: MemoryLimit?, others: [MemoryLimit.Remedy] = []) throws {
        guard let limit else { return }
        let batch = model.document.fixedBatch == nil ? graph.batchSize : nil
        try limit.require(
            try estimate(graph), batch: batch,
            atBatch: { try estimate(try model.document.lower(batch: $0, samples: graph.sampleShapes)) },
            others: shorterSamples + others)
    }

    /// Remedies that halve the size left open by the file, such as the sequence length, again and again. The largest
    /// that fits is proposed.
    private var shorterSamples: [MemoryLimit.Remedy] {
        let open = model.openSizes(of: graph)
        guard let name = open.keys.sorted().first, open.count == 1, let size = open[name] else { return [] }
        return sequence(first: size / 2) { $0 / 2 }.prefix { $0 > 0 }.map { size in
            MemoryLimit.Remedy(kind: name, words: "data with \(name) of \(size)") {
                let shapes = model.sampleShapes(of: graph, giving: [name: size])
                return try estimate(try model.document.lower(batch: graph.batchSize, samples: shapes))
            }
        }
    }
}

extension Graph {
    /// The shape of one sample of each input, by input name.
    var sampleShapes: [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for input in inputs { shapes[self[input].name] = Array(shape(input).dimensions.dropFirst()) }
        return shapes
    }
}

extension SourceModel {
    /// The sizes in `graph` of the sample dimensions that the file leaves open, by dimension name.
    fileprivate func openSizes(of graph: Graph) -> [String: Int] {
        var sizes: [String: Int] = [:]
        let shapes = graph.sampleShapes
        for input in document.model.inputs {
            for (size, dimension) in zip(shapes[input.name] ?? [], (document.samplesFirst(input) ?? []).dropFirst()) {
                if case .symbol(let name) = dimension { sizes[name] = size }
            }
        }
        return sizes
    }

    fileprivate func sampleShapes(of graph: Graph, giving sizes: [String: Int]) -> [String: [Int]] {
        var shapes = graph.sampleShapes
        for input in document.model.inputs {
            guard let shape = shapes[input.name] else { continue }
            shapes[input.name] = zip(shape, (document.samplesFirst(input) ?? []).dropFirst()).map { size, dimension in
                if case .symbol(let name) = dimension { sizes[name] ?? size } else { size }
            }
        }
        return shapes
    }
}
