import Compute
import Model

/// Gathers the covariances that a site's replacement is fitted from, behind whatever stands before it now.
struct SiteMoments {
    /// The network in which the site lies, computed up to it.
    private let graph: Graph
    private let site: Site
    /// The values to fetch for each use of the site's weights.
    private let uses: [Use]
    private let linearCount: Int
    private let featureCount: Int

    private struct Use {
        /// `[rows, linear features and channels]`
        let features: ValueID
        let output: ValueID
        let residual: Residual?
        /// The value that has a row for each position of a mask, if there is a mask.
        let positions: ValueID
    }

    /// Prepares the computation.
    ///
    /// - Parameters:
    ///   - site: a block or a layer of the graph.
    ///   - given: the graph, computed up to the site.
    ///   - original: the original network, whose residual stream the site is to restore.
    ///   - channels: the hidden channels to gather; nil for all.
    ///   - withLinearPath: whether to gather the features of the linear path.
    /// - Throws: ``ModelError`` when there is no memory.
    init(
        of site: Site, in given: Graph, original: Graph, channels: [Int]?, withLinearPath: Bool
    ) throws(ModelError) {
        var graph = given
        var uses: [Use] = []
        (self.site, linearCount) = (site, withLinearPath ? site.linearFeatureCount : 0)
        featureCount = linearCount + (channels?.count ?? site.widths.hidden)
        switch site.kind {
        case .block(let block):
            for use in block.uses {
                var parts: [ValueID] = []
                if withLinearPath { parts.append(try graph.appendRows(of: use.regressor, on: use.first.axis)) }
                if channels != [] {
                    let hidden = try graph.appendRows(of: use.activationValue, on: use.first.axis)
                    parts.append(try graph.appendColumns(channels, of: hidden))
                }
                let features = parts.count == 1 ? parts[0] : try graph.append(.concat(axis: 1), parts)
                let residual = block.twins.isEmpty ? Residual(of: use.output, in: given, original: original) : nil
                uses.append(Use(features: features, output: use.output, residual: residual, positions: use.input))
            }
        case .gated, .region:
            guard let region = site.region else { break }
            var parts: [ValueID] = []
            if withLinearPath { parts.append(try graph.appendRows(of: region.input, on: region.last.axis)) }
            if case .gated(let gated) = site.kind, channels != [] {
                let hidden = try graph.appendRows(of: gated.hiddenValue, on: region.last.axis)
                parts.append(try graph.appendColumns(channels, of: hidden))
            }
            let features = parts.count == 1 ? parts[0] : try graph.append(.concat(axis: 1), parts)
            let residual = Residual(of: region.output, in: given, original: original)
            uses = [Use(features: features, output: region.output, residual: residual, positions: region.input)]
        case .layer(let layer):
            let features = try graph.appendRows(of: layer.input, on: layer.axis)
            let residual = Residual(of: layer.output, in: given, original: original)
            uses = [Use(features: features, output: layer.output, residual: residual, positions: layer.input)]
        case .table: preconditionFailure("a table is fitted by its own entries")
        }
        (self.graph, self.uses) = (graph, uses)
    }

    /// The covariances on the current network alone: the targets are what the site computes now.
    func now(on samples: Dataset, given: Dataset) throws(ModelError) -> Covariances {
        let fetched = try Inference(graph, fetching: uses.flatMap { [$0.features, $0.output] })
        var moments = Moments(inputs: featureCount, outputs: site.widths.output)
        let mask = try given.mask()
        try fetched.forEachBatch(of: samples) { (range, values) throws(ModelError) in
            let mask = mask?.rows(range)
            for (place, use) in uses.enumerated() {
                let features = try counted(values[2 * place], use, mask)
                let targets = try targets(values[2 * place + 1], use, mask)
                try computing { try moments.add(features, targets) }
            }
        }
        return Covariances(moments, linearCount: linearCount)
    }

    /// The covariances with the outputs that the original residual stream needs: `y* = y_orig + r_orig - r_now`.
    ///
    /// - Parameters:
    ///   - samples: the samples, with the inputs of the current network's rest.
    ///   - given: the same samples as they are.
    ///   - original: what the original network computes for them.
    /// - Returns: the covariances.
    /// - Throws: ``ModelError``.
    func behindReplaced(
        on samples: Dataset, given: Dataset, _ original: inout OriginalValues
    ) throws(ModelError) -> Covariances {
        let mask = try given.mask()
        guard uses.count == 1, let use = uses.first, !site.isLoneLayer || original.keepsAll, let name = targetName,
            let aims = try original.rows(
                of: name, { value throws(ModelError) in try targets(value, use, mask) })
        else {
            // The needs of a use depend on what the uses before it have become: all are fitted to what they are now. So are
            // lone layers where the values of all sites are too many to keep: their feedback gains less than that of blocks.
            return try now(on: samples, given: given)
        }
        let fetched = try Inference(graph, fetching: [use.features] + (use.residual.map { [$0.now] } ?? []))
        var moments = Moments(inputs: featureCount, outputs: site.widths.output)
        var start = 0
        try fetched.forEachBatch(of: samples) { (range, values) throws(ModelError) in
            let mask = mask?.rows(range)
            let features = try counted(values[0], use, mask)
            let aim = aims.rows(start..<(start + features.shape[0]))
            start += features.shape[0]
            let wanted = use.residual == nil ? aim : try aim.minus(targets(values[1], use, mask))
            try computing { try moments.add(features, wanted) }
        }
        return Covariances(moments, linearCount: linearCount)
    }

    /// The name of the original's value that the site's output is fitted to; nil where it is fitted to what it is now.
    var targetName: String? {
        guard uses.count == 1, let use = uses.first else { return nil }
        let name = use.residual?.stream ?? graph[use.output].name
        return name.isEmpty ? nil : name
    }

    /// The rows of a value of the output's shape that count.
    private func targets(_ value: Tensor, _ use: Use, _ mask: Tensor?) throws(ModelError) -> Tensor {
        try counted(value.features(on: site.outputAxis), use, mask)
    }

    /// The rows of a matrix that count: those of a mask where features and targets have one for each of its positions.
    private func counted(_ rows: Tensor, _ use: Use, _ mask: Tensor?) throws(ModelError) -> Tensor {
        guard let mask, site.outputAxis == .last, graph.hasRow(use.positions, forEachPlaceOf: mask),
            case let count = graph.batchSize * mask.shape[1], graph.shape(use.features)[0] == count,
            graph.shape(use.output).elementCount == count * site.widths.output
        else { return rows }
        return try rows.rows(countedBy: mask)
    }
}

extension Site {
    /// The number of features that a linear path reads: those of the input, or those before the activation where they are
    /// fewer.
    var linearFeatureCount: Int {
        if case .block(let block) = kind { block.regressorCount } else { widths.input }
    }

    var outputAxis: FeatureAxis {
        switch kind {
        case .block(let block): block.second.axis
        case .gated, .region: region?.last.axis ?? .last
        case .layer(let layer): layer.axis
        case .table: .last
        }
    }
}

extension Graph {
    /// Appends the features of a value as a matrix with one row per position.
    fileprivate mutating func appendRows(of value: ValueID, on axis: FeatureAxis) throws(ModelError) -> ValueID {
        let shape = shape(value)
        guard axis == .second, shape.rank > 2 else {
            return shape.rank == 2 ? value : try append(.reshape(shape.flattenedToMatrix), [value])
        }
        let order = [0] + Array(2..<shape.rank) + [1]
        let last = try append(.transpose(order), [value])
        return try append(.reshape(self.shape(last).flattenedToMatrix), [last])
    }

    /// Appends some columns of a matrix; all for nil.
    fileprivate mutating func appendColumns(_ columns: [Int]?, of matrix: ValueID) throws(ModelError) -> ValueID {
        guard let columns, columns.count < shape(matrix)[1] else { return matrix }
        let indices = try computing { try Tensor(columns.map(Int64.init), Shape([columns.count])) }
        return try append(.gather(axis: 1), [matrix, try append(.constant(indices), [])])
    }

    /// True for a value with a row for each position of a mask of one batch.
    fileprivate func hasRow(_ value: ValueID, forEachPlaceOf mask: Tensor) -> Bool {
        shape(value).rank > 2 && shape(value)[1] == mask.shape[1]
    }
}
