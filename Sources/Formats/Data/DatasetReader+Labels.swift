import Compute
import Model

extension DatasetReader {
    /// The labels of the samples: integers are classes unless they have the shape of the output; all others are
    /// targets.
    func labelTensor(
        _ array: DataArray, key: String, count: Int, _ reading: inout Reading
    ) throws(FormatError) -> Tensor {
        var tensor = array.tensor
        guard tensor.shape.rank > 0, tensor.shape[0] == count else {
            throw .shape("key '\(key)' has \(tensor.shape.dimensions.first ?? 0) labels for \(count) samples")
        }
        let output = reading.output
        let (whole, places) = (Array(output.dimensions.dropFirst()), Array(output.dimensions.dropFirst().dropLast()))
        var sample = Array(tensor.shape.dimensions.dropFirst())
        let isInteger = tensor.type == .int32 || tensor.type == .int64
        if sample.last == 1, isInteger, Array(sample.dropLast()) == places, sample != whole,
            let squeezed = try? Shape(Array(tensor.shape.dimensions.dropLast()))
        {
            tensor = tensor.reshaped(squeezed)
            sample.removeLast()
            reading.notes.append("key '\(key)' is squeezed to \(squeezed)")
        }
        // A single output is a score, not a choice of one class.
        if sample == places, whole.last == 1, let shaped = try? Shape([count] + whole) {
            (tensor, sample) = (tensor.reshaped(shaped), whole)
        }
        if isInteger, sample == places, sample != whole {
            let labels = try tensor.converted(to: .int64)
            try checkClasses(labels, key: key, classes: reading.classes)
            return labels
        }
        guard sample == whole else {
            throw .shape(
                "the labels of a sample are \(places) (classes) or \(whole) (targets) for an output of shape \(output), "
                    + "in key '\(key)' \(sample)")
        }
        let targets = try tensor.converted(to: .float32)
        if tensor.type != .float32 { reading.notes.append("key '\(key)' is cast from \(array.storedType) to float32") }
        try Self.refuseNotANumber(targets, key: key)
        return targets
    }

    private func checkClasses(_ labels: Tensor, key: String, classes: Int) throws(FormatError) {
        let perSample = max(1, labels.shape.elementCount / max(1, labels.shape[0]))
        for (index, label) in labels.int64s.enumerated() where label != Loss.ignoredLabel {
            guard label >= 0, label < Int64(classes) else {
                throw .label(
                    "label \(label) of sample \(index / perSample) in key '\(key)': the model has \(classes) classes, "
                        + "0 to \(classes - 1) (-100 is ignored)")
            }
        }
    }
}

extension Tensor {
    /// The tensor cast to another type.
    func converted(to type: ElementType) throws(FormatError) -> Tensor {
        guard type != self.type else { return self }
        do {
            let result = try Tensor(type, zeros: shape)
            try Step.cast(self, into: result).run()
            return result
        } catch {
            throw .memory(byteCount: byteCount)
        }
    }
}
