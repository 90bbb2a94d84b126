package import Compute

/// A graph prepared to run over any number of samples, a batch at a time.
package struct Inference {
    private let graph: Graph
    private let plan: ExecutionPlan
    private let fetched: [ValueID]
    /// The number of samples per run, for which the graph was built.
    package let batchSize: Int

    /// - Throws: ``ModelError/data(input:reason:)`` for a graph without inputs or with results that mix samples,
    ///   ``ModelError/compute(_:)`` when there is no memory.
    package init(_ graph: Graph, fetching: [ValueID]) throws(ModelError) {
        guard let first = graph.inputs.first, let batchSize = graph.shape(first).dimensions.first, batchSize > 0 else {
            throw .data(input: "", reason: "the model has no input with a batch axis")
        }
        for input in graph.inputs where graph.shape(input).dimensions.first != batchSize {
            throw .data(input: graph[input].name, reason: "its first axis is not the batch of the other inputs")
        }
        for value in fetching where (graph.shape(value).dimensions.first ?? 1) % batchSize != 0 {
            throw .data(
                input: "",
                reason:
                    "'\(graph[value].name)' has no axis of samples: its shape is \(graph.shape(value)), of \(batchSize) "
                    + "samples")
        }
        self.batchSize = batchSize
        (self.graph, fetched) = try graph.prepared(fetching: fetching, trained: [])
        plan = try ExecutionPlan(self.graph, fetching: fetched)
    }

    /// Runs all samples in order.
    ///
    /// - Parameters:
    ///   - dataset: the samples, with a key for each input of the graph.
    ///   - body: receives the range of samples, and each fetched value with only their rows, in memory of the plan that
    ///     the next batch overwrites.
    /// - Throws: ``ModelError/data(input:reason:)`` when the data do not fit, and any error of the body.
    package func forEachBatch(
        of dataset: Dataset, _ body: (Range<Int>, [Tensor]) throws(ModelError) -> Void
    ) throws(ModelError) {
        try dataset.check(fits: graph)
        var start = 0
        while start < dataset.count {
            let range = start..<min(start + batchSize, dataset.count)
            for input in graph.inputs {
                guard case .input(let name) = graph[input].op, let samples = dataset.inputs[name] else { continue }
                plan.tensor(input).rows(0..<range.count).copy(from: samples.rows(range))
            }
            ForwardTime.measure { plan.run() }
            try body(range, fetched.map { plan.tensor($0).firstSamples(range.count, of: batchSize) })
            start = range.upperBound
        }
    }

    /// Each fetched value for all samples, `[samples, ...]`.
    package func outputs(for dataset: Dataset) throws(ModelError) -> [Tensor] {
        var results: [Tensor] = []
        for value in fetched {
            let shape = graph.shape(value)
            let rows = (shape.dimensions.first ?? 1) / batchSize * dataset.count
            do { results.append(try Tensor(graph.type(value).element, zeros: shape.withRows(rows))) } catch {
                throw .compute(.memory(error))
            }
        }
        try forEachBatch(of: dataset) { range, values in
            for (result, value) in zip(results, values) {
                let rowsPerSample = (value.shape.dimensions.first ?? 1) / range.count
                let rows = (range.lowerBound * rowsPerSample)..<(range.upperBound * rowsPerSample)
                result.rows(rows).copy(from: value)
            }
        }
        return results
    }
}

extension Tensor {
    /// The rows of a batch's value that belong to its first samples.
    fileprivate func firstSamples(_ count: Int, of batchSize: Int) -> Tensor {
        guard let leading = shape.dimensions.first else { return self }
        return rows(0..<(leading / batchSize * count))
    }
}

extension Dataset {
    /// - Throws: ``ModelError/data(input:reason:)`` when an input is missing or has other sizes than the graph's.
    func check(fits graph: Graph, but others: [ValueID] = []) throws(ModelError) {
        for input in graph.inputs where !others.contains(input) {
            guard case .input(let name) = graph[input].op else { continue }
            guard let samples = inputs[name] else { throw .data(input: name, reason: "the data have no such key") }
            let expected = graph.type(input)
            guard samples.type == expected.element else {
                throw .data(input: name, reason: "expected \(expected.element), found \(samples.type)")
            }
            guard samples.shape.dimensions.dropFirst() == expected.shape.dimensions.dropFirst() else {
                throw .data(
                    input: name, reason: "a sample of the model is \(expected.shape), of the data \(samples.shape)")
            }
        }
    }
}
