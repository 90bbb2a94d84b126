import Compute
import Model

extension DatasetReader {
    /// The labels of the samples, for the first output that they fit: classes `[samples, ...]`, or targets of the output's
    /// shape. Whole numbers are classes, and so are rows of one 1 among zeros unless the loss takes targets.
    func labelTensor(
        _ array: DataArray, key: String, count: Int, _ reading: inout Reading
    ) throws(FormatError) -> Tensor {
        let tensor = try samplesFirst(array.tensor, labelsOf: count, &reading, key: key)
        guard tensor.shape.rank > 0, tensor.shape[0] == count else {
            throw .shape("key '\(key)' has \(tensor.shape.dimensions.first ?? 0) labels for \(count) samples")
        }
        let candidates = reading.candidates
        for (place, output) in candidates.enumerated() {
            let axis = try reading.axis(of: output, labelledBy: tensor)
            guard let labels = try labels(tensor, key: key, of: output.shape, axis: axis, &reading) else { continue }
            if reading.outputName == nil {
                reading.outputName = output.name
                if place > 0 { reading.notes.append("key '\(key)' fits the output '\(output.name)'") }
            }
            if labels.type == .int64 {
                let classes = output.shape.rank > 0 ? output.shape[axis] : 1
                try checkClasses(labels, key: key, classes: classes)
                reading.classes = classes
            } else {
                try Self.rejectNotANumber(labels, key: key)
                if tensor.type != .float32 {
                    reading.notes.append("key '\(key)' is cast from \(array.storedType) to float32")
                }
            }
            return labels
        }
        let output = candidates.first?.shape ?? .scalar
        let whole = Array(output.dimensions.dropFirst())
        throw .shape(
            "the labels of a sample are \(Array(whole.dropLast())) (classes) or \(whole) (targets) for an output of shape "
                + "\(output), in key '\(key)' \(Array(tensor.shape.dimensions.dropFirst())) of \(array.storedType)")
    }

    /// The labels as those of an output with its classes along `axis`; nil when they do not fit it.
    private func labels(
        _ tensor: Tensor, key: String, of output: Shape, axis: Int, _ reading: inout Reading
    ) throws(FormatError) -> Tensor? {
        let whole = Array(output.dimensions.dropFirst())
        let places = output.dimensions.enumerated().filter { $0.offset > 0 && $0.offset != axis }.map(\.element)
        let width = output.rank > 1 ? output[axis] : 1
        let count = tensor.shape[0]
        func shaped(_ sizes: [Int]) -> Tensor? { (try? Shape([count] + sizes)).map(tensor.reshaped) }
        var sample = Array(tensor.shape.dimensions.dropFirst())
        var squeezed: [Int]?
        if sample.last == 1, sample != whole,
            sample.dropLast().elementsEqual(places) || sample.dropLast().elementsEqual(whole)
        {
            sample.removeLast()
            squeezed = [count] + sample
        }
        let isWhole = tensor.type != .float32 || tensor.floats.allSatisfy { $0 == $0.rounded() }
        // A single output is a score, not a choice of one class.
        if sample == whole || sample == places && width == 1 {
            let targets = try shaped(whole)?.converted(to: .float32)
            guard reading.prefersClasses, axis == output.rank - 1, let targets,
                let classes = try classes(ofOneHot: targets)
            else {
                return targets
            }
            reading.notes.append("key '\(key)' is one-hot and taken as classes")
            return classes
        }
        guard sample == places, isWhole, tensor.type != .bool, let classes = shaped(places) else { return nil }
        if let squeezed { reading.notes.append("key '\(key)' is squeezed to \(squeezed)") }
        if tensor.type == .float32 { reading.notes.append("key '\(key)' holds whole numbers and is taken as classes") }
        return try classes.converted(to: .int64)
    }

    /// The places of the ones of `targets [..., classes]`; nil unless each row has one 1 among zeros.
    private func classes(ofOneHot targets: Tensor) throws(FormatError) -> Tensor? {
        guard let width = targets.shape.dimensions.last, width > 1 else { return nil }
        let values = targets.floats
        var places: [Int64] = []
        for start in stride(from: 0, to: values.count, by: width) {
            let row = values[start..<(start + width)]
            guard row.allSatisfy({ $0 == 0 || $0 == 1 }), row.count(where: { $0 == 1 }) == 1,
                let place = row.firstIndex(of: 1)
            else { return nil }
            places.append(Int64(place - start))
        }
        do { return try Tensor(places, Shape(Array(targets.shape.dimensions.dropLast()))) } catch {
            throw .memory(byteCount: 8 * places.count)
        }
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

extension DatasetReader.Reading {
    /// The axis of the classes of an output: the one that is asked for, the second of an image whose pixels have labels
    /// `[N, H, W]`, as PyTorch's cross-entropy takes them, or the last.
    ///
    /// - Throws: ``FormatError`` for an axis that the output does not have.
    fileprivate func axis(
        of output: (name: String, shape: Shape), labelledBy labels: Tensor
    ) throws(FormatError) -> Int {
        let rank = output.shape.rank
        if let classAxis {
            guard classAxis < rank else {
                throw .data("class_axis \(classAxis): the output '\(output.name)' has the axes 0 to \(rank - 1)")
            }
            return classAxis
        }
        let isPixels = rank == 4 && labels.shape.dimensions.dropFirst() == output.shape.dimensions.dropFirst(2)
        return isPixels ? 1 : max(0, rank - 1)
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
