import Compute
package import Model

/// The position of the feature axis of a value.
enum FeatureAxis: Sendable {
    /// `[..., features]`, the result of a product.
    case last
    /// `[N, features, ...]`, the result of a convolution.
    case second

    /// The feature axis of a value of rank `rank`.
    func place(rank: Int) -> Int { self == .last ? rank - 1 : 1 }

    /// The sizes of a value without its features and, for a single pixel, without the spatial axes.
    func rows(of shape: Shape) -> [Int] {
        var sizes = shape.dimensions
        sizes.remove(at: place(rank: sizes.count))
        return self == .second && sizes.dropFirst().allSatisfy { $0 == 1 } ? Array(sizes.prefix(1)) : sizes
    }
}

extension FeatureAxis {
    /// The linear layer over features on this axis that takes the place of a block.
    func layer(reading input: ValueID, weight: Tensor, bias: Tensor?) -> Rewrite.Replacement {
        switch self {
        case .last: .linear(input: input, weight: weight, bias: bias)
        case .second: .pointwise(input: input, weight: weight, bias: bias)
        }
    }
}

/// A linear layer in a graph: a product with a weight, or a convolution of single pixels, with its bias.
package struct Linear: Sendable {
    /// The feature axis of its input and its output.
    let axis: FeatureAxis
    /// The index of the weight in ``Graph/parameters``.
    package let weight: Int
    /// True for a weight `[out, in]` or `[out, in, 1, ...]`, as in PyTorch; false for `[in, out]`.
    package let isOutByIn: Bool
    package let bias: Int?
    package let input: ValueID
    /// The result after the bias.
    package let output: ValueID
    /// The ops of the layer.
    package let nodes: [ValueID]
    package let inFeatures: Int
    package let outFeatures: Int
    /// The module path.
    package let scope: String

    /// Recognises the layer with a given product; nil when the value is not the product of a linear layer.
    ///
    /// - Parameters:
    ///   - value: the product.
    ///   - graph: the graph.
    ///   - consumers: the consumers of its values.
    ///   - sharesNodes: whether nodes of the file may belong to ops beyond the layer too, such as a bias in one node with
    ///     the activation behind it.
    init?(_ value: ValueID, in graph: Graph, consumers: [[ValueID]], sharesNodes: Bool = false) {
        let isOutByIn: Bool
        switch graph[value].op {
        case .matMul(false, let transposeRight): (axis, isOutByIn) = (.last, transposeRight)
        case .convolution(let window, groups: 1) where window.isPointwise: (axis, isOutByIn) = (.second, true)
        default: return nil
        }
        guard let weight = graph.parameterIndex(graph[value].operands[1]) else { return nil }
        let sizes = graph.parameters[weight].tensor.shape
        guard axis == .second || sizes.rank == 2 else { return nil }
        (self.weight, self.isOutByIn) = (weight, isOutByIn)
        inFeatures = isOutByIn ? sizes[1] : sizes[0]
        outFeatures = isOutByIn ? sizes[0] : sizes[1]
        input = graph[value].operands[0]
        scope = graph[value].scope.isEmpty ? graph[value].name : graph[value].scope

        var (bias, output, nodes): (Int?, ValueID, [ValueID]) = (nil, value, [value])
        if graph[value].operands.count > 2 {
            // A computed bias is not a parameter of the layer.
            guard let index = graph.parameterIndex(graph[value].operands[2]) else { return nil }
            bias = index
        }
        // On more than two axes exporters write the bias as an Add, with either operand first.
        if bias == nil, graph[value].operands.count == 2, consumers[value.index].count == 1, !graph.isOutput(value) {
            let next = consumers[value.index][0]
            if case .binary(.add) = graph[next].op,
                let other = graph[next].operands.first(where: { $0 != value }),
                let index = graph.parameterIndex(other),
                axis.isVector(graph.shape(other), of: outFeatures, rank: graph.shape(next).rank)
            {
                (bias, output, nodes) = (index, next, [value, next])
            }
        }
        if !sharesNodes, !graph.ownsNodes(nodes) {
            // A bias in one node with what follows it, as in SkipLayerNormalization, is left there.
            guard nodes.count > 1, graph.ownsNodes([value]) else { return nil }
            (bias, output, nodes) = (nil, value, [value])
        }
        (self.bias, self.output, self.nodes) = (bias, output, nodes)
    }

    package var parameterCount: Int { outFeatures * (inFeatures + (bias == nil ? 0 : 1)) }

    /// The weight as a matrix, `[out, in]` or `[in, out]`.
    func matrix(in graph: Graph) -> Tensor {
        let tensor = graph.parameters[weight].tensor
        return tensor.reshaped(tensor.shape.unfoldedToMatrix)
    }
}

extension Graph {
    /// True when the nodes of the file that some values come from compute nothing else: one that does, such as a Gemm with a
    /// factor, cannot be removed in part.
    func ownsNodes(_ own: [ValueID]) -> Bool {
        let sources = Set(own.flatMap { self[$0].origin.nodes })
        return values.allSatisfy { own.contains($0) || sources.isDisjoint(with: self[$0].origin.nodes) }
    }
}

extension FeatureAxis {
    /// True when a shape broadcasts one number per feature to a value of rank `rank`.
    fileprivate func isVector(_ shape: Shape, of features: Int, rank: Int) -> Bool {
        let following = [Int](repeating: 1, count: rank - 1 - place(rank: rank))
        let sizes = [features] + following
        // sklearn-onnx, Flax and JAX write a bias with leading axes of one element.
        return shape.rank <= rank && shape.dimensions.suffix(sizes.count).elementsEqual(sizes)
            && shape.dimensions.dropLast(sizes.count).allSatisfy { $0 == 1 }
    }
}

extension Window {
    /// True for a kernel of a single pixel without strides and padding.
    var isPointwise: Bool { (kernel + strides).allSatisfy { $0 == 1 } && (padsBegin + padsEnd).allSatisfy { $0 == 0 } }
}

extension Tensor {
    /// The features as a matrix with one row per position.
    ///
    /// - Returns: `[rows, features]`
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func features(on axis: FeatureAxis) throws(ModelError) -> Tensor {
        guard axis == .second, shape.rank > 2 else { return reshaped(shape.flattenedToMatrix) }
        return try computing {
            let (samples, features) = (shape[0], shape[1])
            let pixels = shape.dimensions.dropFirst(2).reduce(1, *)
            guard pixels != 1 else { return reshaped(try Shape([samples, features])) }
            let result = try Tensor(zeros: Shape([samples, pixels, features]))
            let planes = reshaped(try Shape([samples, features, pixels]))
            try Step.transpose(planes, permutation: [0, 2, 1], into: result).run()
            return result.reshaped(result.shape.flattenedToMatrix)
        }
    }
}
