import Compute

extension ONNXDocument {
    /// The numbers of the types of integers that are narrower than 32 bits.
    ///
    /// - SeeAlso: TensorProto.DataType in onnx.proto3
    private static let narrow: Set<Int64> = [2, 3, 4, 5]

    /// Operators that move elements without computing on them.
    private static let movements: Set<String> = [
        "Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile",
        "Transpose",
        "Unsqueeze",
    ]

    /// The element type in which the elements of an input are held: narrow integers, such as the bytes of an image, as int32
    /// when the network does nothing but move and cast them, since their arithmetic wraps around.
    ///
    /// - Parameter input: an input of the graph.
    /// - Returns: the type.
    /// - Throws: ``FormatError/unsupportedType(_:)`` for a type that cannot be held, or a node that computes on it.
    func elementType(of input: ONNXModel.ValueInfo) throws(FormatError) -> ElementType {
        if let element = ElementType(onnx: input.elementType) { return element }
        let type = ElementType.name(onnx: input.elementType)
        guard Self.narrow.contains(input.elementType) else {
            throw .unsupportedType("input '\(input.name)' is \(type): export the model in float32")
        }
        var names: Set<String> = [input.name]
        for (index, node) in model.nodes.enumerated() where node.reads.contains(where: names.contains) {
            guard !["Cast", "DequantizeLinear", "Shape"].contains(node.opType) else { continue }
            guard node.domain.isEmpty, Self.movements.contains(node.opType) else {
                throw .unsupportedType(
                    "input '\(input.name)' is \(type), and node \(index) (\(node.opType) '\(node.name)') computes on it: cast it "
                        + "to float32 first")
            }
            names.formUnion(node.outputs)
        }
        return .int32
    }
}
