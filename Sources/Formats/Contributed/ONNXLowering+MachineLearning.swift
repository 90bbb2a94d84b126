import Compute
import Model

// Lowers what scikit-learn's pipelines put before a network.
extension ONNXLowering {
    /// Operators of the domain `ai.onnx.ml`.
    ///
    /// - SeeAlso: onnx/docs/Operators-ml.md
    static let machineLearning: [String: ONNXOperator] = [
        "ai.onnx.ml.Scaler": ONNXOperator { try $0.scaler($1) }
    ]

    /// Lowers `(x - offset) * scale`, each of one number or one for each feature.
    private mutating func scaler(_ node: NodeView) throws(FormatError) {
        var value = try operand(node, 0)
        if graph.type(value).element != .float32 { value = try emit(.cast(.float32), [value], node) }
        let width = graph.shape(value).dimensions.last ?? 1
        func numbers(_ name: String, _ standard: Float) throws(FormatError) -> Tensor {
            let found = node.floats(name) ?? [standard]
            guard found.count == 1 || found.count == width else {
                throw unfit(node, "\(found.count) numbers of '\(name)' for \(width) features")
            }
            return try node.tensor(found, [found.count])
        }
        let (offset, scale) = (try numbers("offset", 0), try numbers("scale", 1))
        value = try emit(.binary(.subtract), [value, try emit(.constant(offset), [], node)], node)
        try finish(.binary(.multiply), [value, try emit(.constant(scale), [], node)], node)
    }
}
