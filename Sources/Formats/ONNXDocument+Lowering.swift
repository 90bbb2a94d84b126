import Compute
package import Model

extension ONNXDocument {
    /// The network at one batch size, with everything that does not depend on data folded away.
    ///
    /// - Parameters:
    ///   - batch: takes the place of a symbolic first size of the inputs.
    ///   - shapes: for inputs with other symbolic sizes, the shape of one sample in the data.
    /// - Returns: a graph whose ops remember the nodes they come from.
    /// - Throws: ``FormatError/unsupportedOperator(_:)`` with all the nodes that cannot be run at once.
    package func lower(batch: Int, samples shapes: [String: [Int]] = [:]) throws(FormatError) -> Graph {
        try checkOperators()
        var statistics: Set<String> = []
        for node in model.nodes where node.opType == "BatchNormalization" {
            statistics.formUnion(node.inputs.dropFirst(3))
        }
        var lowering = ONNXLowering(opset: opset, weights: Set(weights.keys).subtracting(statistics))
        for (name, tensor) in weights { lowering.values[name] = .known(tensor, name: name) }
        for input in model.inputs where weights[input.name] == nil {
            let type = try inputType(input, batch: batch, sample: shapes[input.name])
            lowering.values[input.name] = .computed(lowering.graph.addInput(input.name, type))
        }
        for (index, node) in model.nodes.enumerated() {
            let node = LoweredNode(node, index: index, opset: opset)
            if try !lowering.fold(node) { try lowering.lower(node) }
        }
        for output in model.outputs {
            lowering.graph.addOutput(output.name, try lowering.operand(output.name))
        }
        return lowering.graph.pruned()
    }

    /// The batch size that the file fixes, if it does.
    package var fixedBatch: Int? {
        for input in model.inputs where weights[input.name] == nil {
            if case .size(let size) = input.shape?.first { return Int(size) }
        }
        return nil
    }

    private func inputType(
        _ input: ONNXModel.ValueInfo, batch: Int, sample: [Int]?
    ) throws(FormatError) -> ValueType {
        guard let element = ElementType(onnx: input.elementType) else {
            throw .unsupportedType(
                "input '\(input.name)' is \(ElementType.name(onnx: input.elementType)): export the model in float32")
        }
        guard let dimensions = input.shape else {
            throw .invalidONNX("the file does not say which shape input '\(input.name)' has")
        }
        var sizes: [Int] = []
        for (axis, dimension) in dimensions.enumerated() {
            switch dimension {
            case .size(let size): sizes.append(Int(size))
            case .symbol where axis == 0: sizes.append(batch)
            case .symbol(let name):
                guard let sample, sample.indices.contains(axis - 1) else {
                    throw .shape("size '\(name)' of input '\(input.name)' is open: give data, or export it fixed")
                }
                sizes.append(sample[axis - 1])
            }
        }
        do {
            let type = ValueType(element, try Shape(sizes))
            let (bytes, overflow) = type.shape.elementCount.multipliedReportingOverflow(by: element.byteCount)
            guard !overflow, bytes < 1 << 40 else {
                throw FormatError.shape("input '\(input.name)' is too large: \(sizes)")
            }
            return type
        } catch {
            throw .shape("input '\(input.name)': \(error)")
        }
    }

    private func checkOperators() throws(FormatError) {
        var refused: [String] = []
        for (index, node) in model.nodes.enumerated() {
            let lowered = LoweredNode(node, index: index, opset: opset)
            if Self.quantized.contains(node.opType) || node.opType.hasPrefix("QLinear") {
                throw .quantized(
                    "node \(lowered.description): the model is quantized: compress the float model first, quantize after"
                )
            }
            if !ONNXLowering.supported.contains(lowered.opType) { refused.append(lowered.description) }
        }
        guard refused.isEmpty else { throw .unsupportedOperator(refused) }
    }

    private static let quantized: Set<String> = [
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger",
    ]
}

extension ONNXLowering {
    static let supported: Set<String> = [
        "Add", "AveragePool", "BatchNormalization", "Cast", "Concat", "Constant", "ConstantOfShape", "Conv", "Div",
        "Dropout", "Erf", "Exp", "Expand", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "Identity",
        "LeakyRelu", "Log", "MatMul", "MaxPool", "Mul", "Neg", "PRelu", "Reciprocal", "ReduceMean", "ReduceSum", "Relu",
        "Reshape", "Shape", "Sigmoid", "Slice", "Softmax", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze",
    ]
}
