import Compute
package import Model

/// Ops that compute an affine map of one value without an activation: two linear layers in a row, a layer with a BatchNorm,
/// a LoRA branch beside its layer. One linear layer computes the same.
package struct ExactBlock: Sendable {
    /// The module path of its first layer.
    package let name: String
    /// The modules of the block, such as `Linear-Linear (exact)`.
    package let kind: String
    package let inFeatures: Int
    /// The features between its layers, or those of the result.
    package let hidden: Int
    package let out: Int
    package let profit: Profit
    /// The ops to replace, in evaluation order, the result last.
    package let nodes: [ValueID]
    let input: ValueID
    let hasBias: Bool
    private let axis: FeatureAxis
    private let parts: [LinearPart]

    var output: ValueID { parts[parts.count - 1].value }

    /// Recognises the block of some ops; nil if a linear layer in their place would be no smaller.
    ///
    /// - Parameters:
    ///   - parts: the ops, in evaluation order, the result last.
    ///   - input: the only computed value that they read.
    ///   - axis: the axis of the features.
    ///   - graph: a graph with them.
    ///   - consumers: the consumers of its values.
    init?(_ parts: [LinearPart], of input: ValueID, axis: FeatureAxis, in graph: Graph, consumers: [[ValueID]]) {
        let modules = parts.moduleNames(in: graph)
        guard let result = parts.last?.value, modules.count > 1, parts.areOneMap(of: input) else { return nil }
        let (shape, target) = (graph.shape(input), graph.shape(result))
        guard shape.rank == target.rank, axis.rows(of: shape) == axis.rows(of: target), shape.elementCount > 0 else {
            return nil
        }
        let products = parts.compactMap { if case .product(let linear) = $0.kind { linear } else { nil } }
        guard let first = products.first, products.allSatisfy({ $0.inFeatures > 0 && $0.outFeatures > 0 }) else {
            return nil
        }
        let place = axis.place(rank: shape.rank)
        (inFeatures, out) = (shape[place], target[place])
        hidden = products.dropLast().last?.outFeatures ?? out
        hasBias = parts.contains { $0.shifts(in: graph) }

        let own = Set(parts.map(\.value))
        let read = Set(parts.flatMap { graph[$0.value].operands }.filter { graph.parameterIndex($0) != nil })
        let removed = read.filter { consumers[$0.index].allSatisfy(own.contains) && !graph.isOutput($0) }
        let rows = max(1, target.elementCount / max(1, out) / graph.batchSize)
        profit = Profit(
            parametersBefore: removed.reduce(0) { $0 + graph.shape($1).elementCount },
            parametersAfter: out * inFeatures + (hasBias ? out : 0),
            macsBefore: products.reduce(0) { total, layer in
                total + graph.shape(layer.nodes[0]).elementCount * layer.inFeatures / graph.batchSize
            },
            macsAfter: rows * out * inFeatures)
        // On more than two axes a product is written with its bias as a sum.
        let written = axis == .last && target.rank > 2 && hasBias ? 2 : 1
        guard profit.saving > 0 || profit.saving == 0 && written < parts.count, profit.macsAfter <= profit.macsBefore,
            graph.ownsNodes(parts.map(\.value))
        else { return nil }
        (self.input, self.axis, self.parts, nodes) = (input, axis, parts, parts.map(\.value))
        name = first.scope
        kind = modules.joined(separator: "-") + " (exact)"
    }

    /// Replaces the block by the layer that computes the same.
    ///
    /// - Parameter graph: the graph of the block.
    /// - Returns: the rewrite; nil if a product of its weights is no finite number.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func rewrite(in graph: Graph) throws(ModelError) -> Rewrite? {
        var maps: [ValueID: AffineMap] = [input: AffineMap(features: inFeatures)]
        for part in parts {
            let operands = part.operands.compactMap { maps[$0] }
            guard var map = operands.first else { preconditionFailure("operands come before the op that reads them") }
            switch part.kind {
            case .product(let linear):
                let hasBias = graph[part.value].operands.count > 2
                try map.apply(linear, bias: hasBias ? linear.bias : nil, in: graph)
            case .affine(let affine): try map.apply(affine, in: graph)
            case .sum(let kind): try map.combine(kind, operands[1])
            case .reshape: break
            }
            maps[part.value] = map
        }
        guard let map = maps[output] else { preconditionFailure("the last op is the block's result") }
        return map.isFinite ? rewrite(weight: map.matrix(), bias: try map.column()) : nil
    }

    /// A replacement by zeros, to count parameters and memory; its memory pages are never touched.
    func placeholder() throws(ModelError) -> Rewrite {
        return try computing {
            return rewrite(weight: try Tensor(zeros: Shape([out, inFeatures])), bias: try Tensor(zeros: Shape([out])))
        }
    }

    private func rewrite(weight: Tensor, bias: Tensor) -> Rewrite {
        let layer = axis.layer(reading: input, weight: weight, bias: hasBias ? bias : nil)
        return Rewrite(removed: nodes, output: output, replacement: layer, scope: name)
    }
}

extension [LinearPart] {
    /// True when each term of a sum holds a layer: a skip connection is no map of its own.
    fileprivate func areOneMap(of input: ValueID) -> Bool {
        var mapped: Set<ValueID> = []
        for part in self {
            switch part.kind {
            case .product: mapped.insert(part.value)
            case .affine, .reshape: if part.operands.allSatisfy(mapped.contains) { mapped.insert(part.value) }
            case .sum:
                guard part.operands.allSatisfy(mapped.contains) else { return false }
                mapped.insert(part.value)
            }
        }
        return last.map { mapped.contains($0.value) } ?? false
    }

    /// The modules of the ops. The sum behind a product without a bias, also behind a reshape, is its bias.
    fileprivate func moduleNames(in graph: Graph) -> [String] {
        var (names, bare): ([String], Set<ValueID>) = ([], [])
        for part in self {
            switch part.kind {
            case .product:
                names.append("Linear")
                if graph[part.value].operands.count == 2 { bare.insert(part.value) }
            case .affine(let affine):
                if affine.name == "Shift", part.operands.allSatisfy(bare.contains) { continue }
                names.append(affine.name)
            case .sum: names.append("Sum")
            case .reshape: if part.operands.allSatisfy(bare.contains) { bare.insert(part.value) }
            }
        }
        return names
    }
}
