import Compute
import Model

/// The layout of the values between two layers: reshapes and transposes move the features to other axes.
struct HiddenLayout {
    /// The axis of the features.
    private(set) var axis: Int
    /// The axis of the first layer's output that each axis comes from; nil while the order is unchanged.
    private var permutation: [Int]?

    init(axis: Int) { self.axis = axis }

    /// True when the rows are in the order of the first layer's output.
    var isInOrder: Bool { permutation == nil }

    mutating func transpose(_ next: [Int]) {
        axis = next.firstIndex(of: axis) ?? axis
        let composed = permutation.map { known in next.map { known[$0] } } ?? next
        permutation = composed == Array(next.indices) ? nil : composed
    }

    /// Follows a reshape.
    ///
    /// - Returns: false when it splits the features or merges them with another axis.
    mutating func reshape(from: Shape, to: Shape) -> Bool {
        guard isInOrder else { return false }
        let (features, rows) = (from[axis], from.dimensions.prefix(axis).reduce(1, *))
        let places = to.dimensions.indices.filter {
            to[$0] == features && to.dimensions.prefix($0).reduce(1, *) == rows
        }
        guard let place = places.last else { return false }
        axis = place
        return true
    }
}

extension Graph {
    /// True when an op reduces over the features of its operand, as LayerNorm and softmax do.
    func normalizes(_ value: ValueID, over feature: Int) -> Bool {
        guard let operand = self[value].operands.first else { return false }
        return switch self[value].op {
        case .softmax(let axis), .logSoftmax(let axis): axis == feature
        case .norm(_, let axes, _): feature >= shape(operand).rank - axes
        case .reduce(_, let axes, _): axes.contains(feature)
        default: false
        }
    }

    /// The reason why a product or a convolution after an activation is not the second layer of a block.
    ///
    /// - Returns: nil when it does not read the hidden values as a layer does.
    func whyNoLayer(_ value: ValueID, axis: Int) -> String? {
        switch self[value].op {
        case .convolution(let window, let groups):
            guard window.isPointwise else {
                let isDepthwise = groups > 1 && groups == shape(self[value].operands[1])[0]
                if window.kernel.contains(where: { $0 > 1 }) {
                    return "a \(isDepthwise ? "depthwise" : "spatial") convolution in between"
                }
                return axis == 1 ? "a convolution in between that leaves out or adds pixels" : nil
            }
            guard axis == 1 else { return nil }
            return groups > 1 ? "a convolution in groups in between" : "the second layer has a dynamic weight"
        case .matMul: return "the second layer has a dynamic weight"
        default: return nil
        }
    }
}
