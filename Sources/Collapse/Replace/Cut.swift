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
    ///   - channels: the kept channels, ascending, for a choice that keeps some.
    ///   - fit: covariances on the calibration samples, of the features of the linear path (if the choice has one) and of
    ///     the hidden channels that are kept, or of all.
    ///   - heldOut: the same on other samples.
    ///   - places: the places of the kept channels among the channels of the covariances.
    ///   - strengths: the strengths of the penalty to choose from.
    /// - Throws: ``ModelError/compute(_:)`` when a system is singular or there is no memory.
    init(
        _ choice: Choice, of site: Site, in graph: Graph, channels: [Int], fit: Covariances, heldOut: Covariances,
        places: [Int], strengths: [Double] = SiteFit.strengths
    ) throws(ModelError) {
        let d = fit.linearCount
        let (linear, hidden) = (choice.hasLinearPath ? Array(0..<d) : [], places.map { d + $0 })
        (form, error) = try computing {
            switch site.kind {
            case .block(let block):
                let prior = block.secondLayer(channels, in: graph)
                let whole = Matrix(
                    rows: linear.count + hidden.count, columns: block.out,
                    values: [Double](repeating: 0, count: linear.count * block.out) + prior.values)
                var ridge = try SiteFit(
                    fit, heldOut: heldOut, prior: whole, reading: linear + hidden, strengths: strengths)
                var path: [Rewrite.NewLayer] = []
                switch choice {
                case .path(let rank, _):
                    let product = try ridge.truncatePath(to: rank, fit, heldOut: heldOut, prior: prior)
                    let down = try block.throughFirst(product.down, in: graph)
                    // The first layer's bias adds the same to the path in each row.
                    path = [
                        .init(weight: down.weight, bias: nil, module: "down"),
                        .init(weight: try product.up.tensor(), bias: nil, module: "up"),
                    ]
                    ridge.shift(by: product.up.multiplied(by: down.shift))
                case .partial, .affine:
                    let full = try block.throughFirst(ridge.map.selecting(linear).transposed(), in: graph)
                    path = [.init(weight: full.weight, bias: nil, module: "linear")]
                    ridge.shift(by: full.shift)
                case .width, .lowRank: break
                }
                let offset = try ridge.offsetTensor()
                if case .affine = choice, let layer = path.first {
                    return (.layers([.init(weight: layer.weight, bias: offset)]), ridge.heldOutError)
                }
                let second = Rewrite.NewLayer(
                    weight: try ridge.map.selecting(Array(linear.count..<ridge.map.rows)).transposed().tensor(),
                    bias: offset)
                return (.narrowed(channels, second: second, path: path), ridge.heldOutError)
            case .layer(let layer):
                guard case .lowRank(let rank) = choice else { preconditionFailure("a layer becomes a product of two") }
                let prior = layer.numbers(in: graph)
                var ridge = try SiteFit(
                    fit, heldOut: heldOut, prior: prior, reading: Array(0..<d), strengths: strengths)
                let product = try ridge.truncatePath(
                    to: rank, fit, heldOut: heldOut, prior: Matrix(rows: 0, columns: layer.outFeatures))
                let layers = [
                    Rewrite.NewLayer(weight: try product.down.tensor(), bias: nil, module: "down"),
                    Rewrite.NewLayer(weight: try product.up.tensor(), bias: try ridge.offsetTensor(), module: "up"),
                ]
                return (.layers(layers), ridge.heldOutError)
            case .table: preconditionFailure("a table is fitted by its own entries")
            }
        }
        r2 = heldOut.targetVariance > 0 ? 1 - error / heldOut.targetVariance : 1
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

extension SiteFit {
    /// Adds a column of numbers, `[outputs, 1]`, to the offset.
    fileprivate mutating func shift(by column: Matrix) {
        for index in column.values.indices { addToOffset(column.values[index], at: index) }
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
