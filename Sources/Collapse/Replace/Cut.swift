import Compute
import Model

/// A fitted replacement of one site: the numbers of a choice.
struct Cut {
    enum Form {
        /// The kept channels, the layer that reads them, and the layers beside them.
        case narrowed([Int], second: Rewrite.NewLayer, path: [Rewrite.NewLayer])
        /// Layers one after the other.
        case layers([Rewrite.NewLayer])
        case table(Rewrite.NewTable, Rewrite.NewLayer)
    }

    let form: Form
    /// The mean square error summed over the outputs, and the share of their variance that is explained, on held-out
    /// samples.
    let error: Double
    let r2: Double

    /// Fits a block or a layer.
    ///
    /// - Parameters:
    ///   - choice: what to put in its place.
    ///   - site: the site.
    ///   - graph: a graph with it.
    ///   - channels: the kept channels, in the order of the solver; none for a choice that keeps none.
    ///   - solver: the systems of the site.
    /// - Throws: ``ModelError/compute(_:)`` when a system is singular or there is no memory.
    init(
        _ choice: Choice, of site: Site, in graph: Graph, channels: [Int], solver: inout SiteSolver
    ) throws(ModelError) {
        let fit = try computing { try solver.fit(keeping: channels.count, beside: choice.path) }
        form = try computing { try Self.form(choice, site, in: graph, channels, fit) }
        (error, r2) = (fit.error, solver.r2(of: fit.error))
    }

    private static func form(
        _ choice: Choice, _ site: Site, in graph: Graph, _ channels: [Int], _ fit: SiteFit
    ) throws -> Form {
        var fit = fit
        var path: [Rewrite.NewLayer] = []
        let block = site.block
        switch fit.path {
        case .none: break
        case .full(let linear):
            let full = try block?.throughFirst(linear.transposed(), in: graph)
            path = [.init(weight: try full?.weight ?? linear.transposed().tensor(), bias: nil, module: "linear")]
            if let full { fit.shift(by: full.shift) }
        case .product(let down, let up):
            let through = try block?.throughFirst(down, in: graph)
            path = [
                .init(weight: try through?.weight ?? down.tensor(), bias: nil, module: "down"),
                .init(weight: try up.tensor(), bias: nil, module: "up"),
            ]
            // The first layer's bias adds the same to the path in each row.
            if let through { fit.shift(by: up.multiplied(by: through.shift)) }
        }
        let offset = try fit.offsetTensor()
        if choice.channels == nil, let last = path.popLast() {
            // A single layer takes the module of what it replaces.
            let module = path.isEmpty ? "" : last.module
            return .layers(path + [.init(weight: last.weight, bias: offset, module: module)])
        }
        let ascending = channels.indices.sorted { channels[$0] < channels[$1] }
        let second = Rewrite.NewLayer(
            weight: try fit.channels.selecting(ascending).transposed().tensor(), bias: offset)
        return .narrowed(ascending.map { channels[$0] }, second: second, path: path)
    }

    /// Fits a table of embeddings by entries of a lower rank, in the norm that their frequencies give.
    ///
    /// - Parameters:
    ///   - rank: the rank.
    ///   - spectrum: the directions of the table.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    init(rank: Int, of spectrum: TableSpectrum) throws(ModelError) {
        (form, error, r2) = try computing {
            let (rows, up, offset, lost) = try spectrum.truncated(to: rank)
            let layer = Rewrite.NewLayer(weight: up, bias: offset, module: "up")
            return (.table(.init(rows: rows), layer), lost, spectrum.variance > 0 ? 1 - lost / spectrum.variance : 1)
        }
    }

    /// The rewrites of a site in a graph.
    ///
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func rewrites(_ site: Site, in graph: Graph) throws(ModelError) -> [Rewrite] {
        switch (form, site.kind) {
        case (.narrowed(let channels, let second, let path), .block(let block)):
            return try block.narrowed(to: channels, second: second, path: path, in: graph)
        case (.narrowed(let channels, let second, let path), .gated(let gated)):
            return try gated.narrowed(to: channels, last: second, path: path, in: graph)
        case (.layers(let layers), .gated), (.layers(let layers), .region):
            guard let region = site.region else { return [] }
            return [
                Rewrite(
                    layers, for: region.nodes, from: region.input, to: region.output, on: region.last.axis,
                    scope: site.name)
            ]
        case (.layers(let layers), .block(let block)):
            return block.uses.map { use in
                Rewrite(
                    layers, for: use.nodes, from: use.input, to: use.output, on: use.second.axis, scope: use.name)
            }
        case (.layers(let layers), .layer(let layer)):
            return [
                Rewrite(
                    layers, for: layer.nodes, from: layer.input, to: layer.output, on: layer.axis, scope: layer.scope)
            ]
        case (.table(let rows, let up), .table(let table)):
            return [
                Rewrite(
                    removed: [table.output], output: table.output,
                    replacement: .linear(.rows(of: rows, at: .value(table.indices)), up), scope: table.scope)
            ]
        default: preconditionFailure("a cut replaces the kind of site that it was fitted for")
        }
    }
}

extension Rewrite {
    /// Puts layers one after the other in the place of some ops.
    fileprivate init(
        _ layers: [NewLayer], for removed: [ValueID], from input: ValueID, to output: ValueID, on axis: FeatureAxis,
        scope: String
    ) {
        let chain = layers.reduce(Replacement.value(input)) { axis.layer(over: $0, $1) }
        self.init(removed: removed, output: output, replacement: chain, scope: scope)
    }
}

extension Site {
    /// The systems of the site's replacements.
    ///
    /// - Parameters:
    ///   - covariances: on the calibration samples, of the features of the linear path (if there may be one) and of
    ///     hidden channels.
    ///   - heldOut: the same on other samples; nil where the strength of the penalty need not be chosen.
    ///   - channels: the hidden channels of the network to keep, the most needed first.
    ///   - places: their places among the channels of the covariances; nil where these have all channels.
    ///   - graph: a graph with the site.
    /// - Returns: their solver.
    /// - Throws: ``ModelError/compute(_:)`` when the systems are singular.
    func solver(
        _ covariances: Covariances, _ heldOut: Covariances?, channels: [Int], places: [Int]? = nil, in graph: Graph
    ) throws(ModelError) -> SiteSolver {
        let layer: Linear? = if case .layer(let layer) = kind { layer } else { nil }
        return try computing {
            try SiteSolver(
                covariances, heldOut: heldOut, channels: places ?? channels,
                prior: readers(of: channels, in: graph),
                linearPrior: layer?.numbers(in: graph))
        }
    }
}

extension Site {
    /// The weights of the layer that reads the hidden channels, for some of them.
    ///
    /// - Returns: `[channels, out]`; no rows for a site without such channels.
    func readers(of channels: [Int], in graph: Graph) -> Matrix {
        switch kind {
        case .block(let block): block.secondLayer(channels, in: graph)
        case .gated(let gated): gated.region.last.numbers(in: graph).selecting(channels)
        case .region, .layer, .table: Matrix(rows: 0, columns: widths.output)
        }
    }
}

extension SiteFit {
    /// Adds a column of numbers, `[outputs, 1]`, to the offset.
    fileprivate mutating func shift(by column: Matrix) {
        for index in column.values.indices { offset[index] += column.values[index] }
    }

    fileprivate func offsetTensor() throws -> Tensor { try Tensor(offset.map(Float.init), Shape([offset.count])) }
}

extension Candidate {
    /// The weights of the second layer for some channels, with what stands between it and the activation.
    ///
    /// - Returns: `[channels, out]`
    func secondLayer(_ channels: [Int], in graph: Graph) -> Matrix {
        var matrix = second.numbers(in: graph).selecting(channels)
        for affine in affines where affine.value > activationInput {
            let factor = affine.numbers(in: graph).factor
            for (row, channel) in channels.enumerated() {
                for column in 0..<matrix.columns { matrix[row, column] *= Double(factor[channel]) }
            }
        }
        return matrix
    }

    /// A map of the features of the linear path as one of the block's input.
    ///
    /// - Parameters:
    ///   - map: `[rows, regressors]`
    ///   - graph: the graph of the block.
    /// - Returns: the weight `[rows, in]`, and what the first layer's bias adds, `[rows, 1]`.
    /// - Throws: an error when there is no memory.
    fileprivate func throughFirst(_ map: Matrix, in graph: Graph) throws -> (weight: Tensor, shift: Matrix) {
        guard regressesOnHidden else {
            return (try map.tensor(), Matrix(rows: map.rows, columns: 1))
        }
        // y = B z + c and z = W1 x + b1, so A = B W1 and the offset is B b1 + c.
        let first = self.first.numbers(in: graph)
        var shift = Matrix(rows: map.rows, columns: 1)
        if let bias = self.first.bias {
            let numbers = graph.parameters[bias].tensor.floats.map(Double.init)
            shift = map.multiplied(by: Matrix(rows: numbers.count, columns: 1, values: numbers))
        }
        return (try map.multiplied(by: first.transposed()).tensor(), shift)
    }
}

extension Linear {
    /// The weight, `[in, out]`.
    func numbers(in graph: Graph) -> Matrix {
        let values = matrix(in: graph).floats.map(Double.init)
        return isOutByIn
            ? Matrix(rows: outFeatures, columns: inFeatures, values: values).transposed()
            : Matrix(rows: inFeatures, columns: outFeatures, values: values)
    }
}

extension Matrix {
    func tensor() throws -> Tensor { try Tensor(values.map(Float.init), Shape([rows, columns])) }
}
