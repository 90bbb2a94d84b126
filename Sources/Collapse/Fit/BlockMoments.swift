import Compute
import Model

/// Gathers the moments that blocks are fitted from, one batch at a time.
struct BlockMoments {
    let original: Graph

    /// The moments of several blocks of the original network, in one pass. Those of twins are added.
    func ofUntouched(_ candidates: [Candidate], on samples: Dataset) throws(ModelError) -> [Moments] {
        var moments = candidates.map { Moments(inputs: $0.regressorCount, outputs: $0.out) }
        guard !candidates.isEmpty else { return [] }
        let uses = candidates.enumerated().flatMap { index, candidate in candidate.uses.map { (block: index, use: $0) }
        }
        let inference = try Inference(original, fetching: uses.flatMap { [$0.use.regressor, $0.use.output] })
        let mask = try samples.mask()
        try inference.forEachBatch(of: samples) { (range, values) throws(ModelError) in
            for (place, (block, use)) in uses.enumerated() {
                try moments[block].gather(values[2 * place], values[2 * place + 1], use, mask?.rows(range))
            }
        }
        return moments
    }

    /// The moments of one block behind replaced ones. Its inputs come from the current network; its targets are the
    /// outputs that the original residual stream needs, so that the map also corrects earlier errors (error feedback).
    ///
    /// - Parameters:
    ///   - candidate: a candidate of the rest of `now`.
    ///   - now: the current network, computed up to the block.
    ///   - before: the original network on the same samples; advanced to the block's target.
    /// - Returns: the moments on each of the sample sets.
    /// - Throws: ``ModelError``.
    /// - SeeAlso: arXiv:2602.05243
    func of(_ candidate: Candidate, in now: PartialForward, behind before: inout PartialForward) throws(ModelError)
        -> [Moments]
    {
        guard candidate.twins.isEmpty else {
            // The needs of a use depend on what the uses before it have become: all are fitted to what they are now.
            var result: [Moments] = []
            for samples in now.samples {
                result.append(try BlockMoments(original: now.rest).ofUntouched([candidate], on: samples)[0])
            }
            return result
        }
        let residual = Residual(of: candidate.output, in: now.rest, original: original)
        let name = residual?.stream ?? now.rest[candidate.output].name
        if before.rest.value(named: name) == nil { before.restart() }
        if let ahead = before.rest.value(named: name) {
            try before.advance(to: ValueID(index: ahead.index + 1), keeping: [ahead])
        }
        guard let target = before.rest.value(named: name) else {
            throw .rewrite(value: name, reason: "the original network has no such value")
        }
        let found = try Inference(now.rest, fetching: [candidate.regressor] + (residual.map { [$0.now] } ?? []))
        let wanted = try Inference(before.rest, fetching: [target])
        var result: [Moments] = []
        for index in now.samples.indices {
            let (now, before, mask) = (now.samples[index], before.samples[index], try now.given[index].mask())
            var moments = Moments(inputs: candidate.regressorCount, outputs: candidate.out)
            try found.forEachBatch(of: now) { (range, found) throws(ModelError) in
                try wanted.forEachBatch(of: before.samples(range)) { (_, wanted) throws(ModelError) in
                    // y* = y_orig + r_orig - r_now
                    let y = residual == nil ? wanted[0] : try wanted[0].minus(found[1])
                    try moments.gather(found[0], y, candidate, mask?.rows(range))
                }
            }
            result.append(moments)
        }
        return result
    }
}

/// The residual stream that a block's output is added to, in the current and in the original network.
struct Residual {
    let now: ValueID
    let before: ValueID
    /// The name of the sum, which exists in the original network too.
    let stream: String

    /// Finds the addition that reads an output.
    ///
    /// - Returns: nil unless the output is added to a stream that both networks have.
    init?(of output: ValueID, in graph: Graph, original: Graph) {
        let readers = graph.values.filter { graph[$0].operands.contains(output) }
        guard readers.count == 1, case .binary(.add) = graph[readers[0]].op,
            let other = graph[readers[0]].operands.first(where: { $0 != output }),
            graph.parameterIndex(other) == nil, graph.type(other) == graph.type(output),
            let before = original.value(named: graph[other].name),
            original.value(named: graph[readers[0]].name) != nil
        else { return nil }
        (now, self.before, stream) = (other, before, graph[readers[0]].name)
    }
}

extension Moments {
    /// Adds the rows of a batch.
    ///
    /// - Parameters:
    ///   - x: `[..., inputs]` or `[N, inputs, ...]`
    ///   - y: `[..., outputs]` or `[N, outputs, ...]`
    ///   - candidate: defines the feature axes.
    ///   - mask: `[samples, positions]` of bool: the rows that count, if there is one for each position.
    /// - Throws: ``ModelError/compute(_:)`` unless both have as many rows.
    fileprivate mutating func gather(
        _ x: Tensor, _ y: Tensor, _ candidate: Candidate, _ mask: Tensor?
    ) throws(ModelError) {
        let (first, second) = (candidate.first.axis, candidate.second.axis)
        var (rows, targets) = (try x.features(on: first), try y.features(on: second))
        if let mask, first == .last, second == .last, x.hasRow(forEachPlaceOf: mask), y.hasRow(forEachPlaceOf: mask) {
            (rows, targets) = (try rows.rows(countedBy: mask), try targets.rows(countedBy: mask))
        }
        try computing { try add(rows, targets) }
    }
}

extension Tensor {
    func plus(_ added: Tensor, minus subtracted: Tensor) throws(ModelError) -> Tensor {
        return try computing {
            let result = try Tensor(zeros: shape)
            try Step.binary(.add, self, added, into: result).run()
            try Step.binary(.subtract, result, subtracted, into: result).run()
            return result
        }
    }

    func minus(_ subtracted: Tensor) throws(ModelError) -> Tensor {
        return try computing {
            let result = try Tensor(zeros: shape)
            try Step.binary(.subtract, self, subtracted, into: result).run()
            return result
        }
    }
}
