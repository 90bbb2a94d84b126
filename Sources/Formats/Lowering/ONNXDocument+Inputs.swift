import Compute
import Model

extension ONNXDocument {
    /// The batch size that the file fixes, or nil.
    package var fixedBatch: Int? {
        for input in model.inputs where weights[input.name] == nil {
            if case .size(let size) = samplesFirst(input)?.first, size > 0 { return Int(size) }
        }
        return nil
    }

    /// The names of the inputs without axes, such as a temperature: one number for all samples.
    package var scalarInputs: [String] {
        model.inputs.filter { weights[$0.name] == nil && $0.shape?.isEmpty == true }.map(\.name)
    }

    /// The number that the data give for an input without axes; nil when there is none.
    func scalar(for input: ONNXModel.ValueInfo) throws(FormatError) -> Tensor? {
        guard input.shape?.isEmpty == true, let scalar = scalars[input.name] else { return nil }
        return try scalar.converted(to: try elementType(of: input))
    }

    /// The type of an input with the samples first.
    func inputType(
        _ input: ONNXModel.ValueInfo, batch: Int, sample: [Int]?
    ) throws(FormatError) -> ValueType {
        let element = try elementType(of: input)
        guard let dimensions = samplesFirst(input) else {
            throw .invalidONNX("the file does not say which shape input '\(input.name)' has")
        }
        var sizes: [Int] = []
        for (axis, dimension) in dimensions.enumerated() {
            // Paddle and Keras write an open size as -1, and an open batch as 0 too.
            let isOpen = if case .size(let size) = dimension { size < 0 || axis == 0 && size == 0 } else { true }
            switch dimension {
            case .size(let size) where !isOpen: sizes.append(Int(size))
            case _ where axis == 0: sizes.append(batch)
            case .symbol, .size:
                let name = if case .symbol(let name) = dimension { name } else { "\(axis)" }
                guard let sample, sample.indices.contains(axis - 1) else {
                    throw .shape("size '\(name)' of input '\(input.name)' is open: give data, or export it fixed")
                }
                sizes.append(sample[axis - 1])
            }
        }
        let shape: Shape
        do { shape = try Shape(sizes) } catch { throw .shape("input '\(input.name)': \(error)") }
        guard shape.elementCount <= ONNXLowering.Limits.elements else {
            throw .shape("input '\(input.name)' is too large: \(shape)")
        }
        return ValueType(element, shape)
    }
}
