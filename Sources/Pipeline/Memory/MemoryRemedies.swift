import Compute
import Formats
import JobContract
import Model

/// The work at other sizes, by which a limit finds what would fit.
struct MemoryRemedies {
    let model: SourceModel
    let graph: Graph
    /// Of the same work on another graph.
    let estimate: (Graph) throws -> MemoryEstimate

    /// Holds the work to a limit.
    ///
    /// - Parameters:
    ///   - limit: nil where nobody knows one.
    ///   - others: what helps beside a smaller batch and shorter samples.
    /// - Throws: ``Problem`` with what would fit, when the work does not.
    func require(_ limit: MemoryLimit?, others: [MemoryLimit.Remedy] = []) throws {
        guard let limit else { return }
        let batch = model.document.fixedBatch == nil ? graph.batchSize : nil
        try limit.require(
            try estimate(graph), batch: batch,
            atBatch: { try estimate(try model.document.lower(batch: $0, samples: graph.sampleShapes)) },
            others: shorterSamples + others)
    }

    /// Halves of the sizes that the file leaves open, such as the length of a sequence; the largest that fits is proposed.
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
    /// By input, the shape of one sample.
    var sampleShapes: [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for input in inputs { shapes[self[input].name] = Array(shape(input).dimensions.dropFirst()) }
        return shapes
    }
}

extension SourceModel {
    /// By name, what the sizes of a sample that the file leaves open are in a graph.
    fileprivate func openSizes(of graph: Graph) -> [String: Int] {
        var sizes: [String: Int] = [:]
        let shapes = graph.sampleShapes
        for input in document.model.inputs {
            for (size, dimension) in zip(shapes[input.name] ?? [], (input.shape ?? []).dropFirst()) {
                if case .symbol(let name) = dimension { sizes[name] = size }
            }
        }
        return sizes
    }

    fileprivate func sampleShapes(of graph: Graph, giving sizes: [String: Int]) -> [String: [Int]] {
        var shapes = graph.sampleShapes
        for input in document.model.inputs {
            guard let shape = shapes[input.name] else { continue }
            shapes[input.name] = zip(shape, (input.shape ?? []).dropFirst()).map { size, dimension in
                if case .symbol(let name) = dimension { sizes[name] ?? size } else { size }
            }
        }
        return shapes
    }
}
