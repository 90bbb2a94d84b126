import Compute

/// A document with integer weights of 8 bits, in the form of ONNX Runtime's `quantize_dynamic`: the input of a product is
/// quantized by its own range in each run, a weight by the range of each of its output channels.
///
/// Whatever else the document holds stays as it is.
///
/// - SeeAlso: onnxruntime.ai/docs/performance/model-optimizations/quantization.html
package struct DynamicQuantization: Sendable {
    /// A weight, and the reason why it stays one of floats; nil for one of integers.
    package struct Weight: Sendable {
        package let name: String
        package let elements: Int
        package let reason: String?
    }

    package let edit: ONNXEdit
    /// The weights of two axes or more, in the order of the file.
    package let weights: [Weight]

    /// The first opset with `DynamicQuantizeLinear`.
    static let firstOpset = 11

    /// - Parameter document: a document of floats.
    package init(_ document: ONNXDocument) {
        let model = document.model
        let readers = model.readers
        let constants = Set(model.initializers.map(\.name)).union(
            model.nodes.filter { $0.opType == "Constant" }.flatMap(\.outputs))
        var writer = IntegerWeightWriter(document)
        var weights: [Weight] = []
        for message in model.initializers {
            guard let tensor = document.weights[message.name], tensor.type == .float32, tensor.shape.rank >= 2 else {
                continue
            }
            var reason: String?
            do throws(WeightUses.Refusal) {
                guard document.opset >= Self.firstOpset else {
                    throw .init(
                        "the file has opset \(document.opset), and products of integers need \(Self.firstOpset)")
                }
                guard message.dataType == ElementType.float32.onnx else {
                    throw .init("it is \(ElementType.name(onnx: message.dataType)), and only float32 is quantized")
                }
                guard tensor.shape.rank == 2 else { throw .init("it has \(tensor.shape.rank) axes and is no matrix") }
                let uses = try WeightUses(of: message.name, in: model, readers: readers, constants: constants)
                try writer.plan(IntegerWeight(message.name, tensor, uses))
            } catch {
                reason = error.reason
            }
            weights.append(Weight(name: message.name, elements: tensor.shape.elementCount, reason: reason))
        }
        (edit, self.weights) = (writer.edit(), weights)
    }
}

extension ONNXModel {
    /// The nodes that read each name.
    fileprivate var readers: [String: [Int]] {
        var readers: [String: [Int]] = [:]
        for (index, node) in nodes.enumerated() {
            for name in Set(node.reads) where !name.isEmpty { readers[name, default: []].append(index) }
        }
        return readers
    }
}
