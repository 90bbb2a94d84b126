import ByteText

/// The axes along which the samples of a model's inputs and outputs lie: the first, or the second where the model is
/// time-first, such as an LSTM on `[T, N, F]`.
///
/// Only the declared sizes are read, because the file does not say which of the open ones counts samples.
package struct SampleAxes: Sendable {
    /// The names of the inputs and outputs with their samples on axis 1.
    private var timeFirst: Set<String> = []

    /// The axis of the samples of an input or output.
    package subscript(name: String) -> Int { timeFirst.contains(name) ? 1 : 0 }

    /// - Parameters:
    ///   - inputs: the declared sizes of each input that is no initializer.
    ///   - outputs: the declared sizes of each output.
    init(inputs: [String: [ONNXModel.Dimension]], outputs: [String: [ONNXModel.Dimension]]) {
        let mayBeFixed =
            inputs.values.allSatisfy(\.leavesRowsOpen)
            && (outputs.isEmpty || outputs.values.contains(where: \.leavesRowsOpen))
        let shapes = Array(inputs.values) + outputs.values
        for (name, shape) in inputs where shape.isTimeFirst(among: shapes, mayBeFixed: mayBeFixed) {
            timeFirst.insert(name)
        }
        let batches = inputs.compactMap { name, shape in shape.dropFirst(self[name]).first }.filter(\.isOpen)
        // A state `[1, N, H]` goes by the other inputs: alone it may as well be one sample of open length.
        for (name, shape) in inputs where shape.count > 1 && shape[0] == .size(1) {
            if batches.contains(where: shape[1].isSameSize) { timeFirst.insert(name) }
        }
        let lengths = inputs.compactMap { name, shape in shape.dropFirst(1 - self[name]).first }
        let hasTimeFirst = !timeFirst.isEmpty
        for (name, shape) in outputs where shape.count > 1 && shape[1].isOpen {
            guard !batches.contains(where: shape[0].isSameSize) || !shape[0].isOpen else { continue }
            guard hasTimeFirst || !shape[0].isOpen else { continue }
            let isBatch = shape[1].isNamed && batches.contains(where: shape[1].isSameSize)
            // Exporters give an output's size a name of its own where nobody names it.
            let mayBeBatch = hasTimeFirst && !shape[0].isOpen && !lengths.contains(where: shape[1].isSameSize)
            if isBatch || mayBeBatch { timeFirst.insert(name) }
        }
    }
}

extension ONNXDocument {
    /// The axes of the samples of this model's inputs and outputs.
    package var sampleAxes: SampleAxes {
        func shapes(_ values: [ONNXModel.ValueInfo]) -> [String: [ONNXModel.Dimension]] {
            var shapes: [String: [ONNXModel.Dimension]] = [:]
            for value in values where weights[value.name] == nil { shapes[value.name] = value.shape }
            return shapes
        }
        return SampleAxes(inputs: shapes(model.inputs), outputs: shapes(model.outputs))
    }

    /// The declared sizes of an input with that of the samples first; nil when the file does not declare them.
    package func samplesFirst(_ input: ONNXModel.ValueInfo) -> [ONNXModel.Dimension]? {
        guard var shape = input.shape, sampleAxes[input.name] == 1 else { return input.shape }
        shape.swapAt(0, 1)
        return shape
    }
}

extension [ONNXModel.Dimension] {
    /// True when one of the first two sizes is open.
    fileprivate var leavesRowsOpen: Bool { prefix(2).contains(where: \.isOpen) }

    /// True for the sizes of an input whose second axis counts samples.
    ///
    /// - Parameters:
    ///   - shapes: the sizes of all inputs and outputs.
    ///   - mayBeFixed: true when a fixed first size may be a number of steps.
    /// - Returns: false where nothing tells.
    fileprivate func isTimeFirst(among shapes: [Self], mayBeFixed: Bool) -> Bool {
        guard count > 1, self[1].isOpen, !self[0].isSameSize(self[1]), !self[0].isBatch else { return false }
        if self[1].isBatch { return true }
        // A shape with both sizes tells nothing: it may be read either way.
        func leads(_ axis: Int) -> Bool {
            self[axis].isNamed
                && shapes.contains { shape in
                    !shape.isEmpty && shape[0].isSameSize(self[axis])
                        && !shape.contains(where: self[1 - axis].isSameSize)
                }
        }
        guard self[0].isOpen else {
            return self[0] != .size(1) && mayBeFixed && !self[1].isLength && !dropFirst(2).contains(where: \.isOpen)
        }
        return leads(1) && !leads(0)
    }
}

extension ONNXModel.Dimension {
    /// True for a size that the file leaves open; Paddle and Keras write -1.
    fileprivate var isOpen: Bool { if case .size(let size) = self { size < 0 } else { true } }

    /// True for an open size that others may refer to.
    fileprivate var isNamed: Bool { if case .symbol(let name) = self { !name.isEmpty } else { false } }

    /// True when both are one number, one name, or open without a name.
    fileprivate func isSameSize(_ other: Self) -> Bool {
        switch (self, other) {
        case (.symbol(let own), .symbol(let other)): own.hasBytes(of: other)
        case (.size(let own), .size(let other)): own == other || own < 0 && other < 0
        default: false
        }
    }

    /// True for a name that says that samples are counted.
    fileprivate var isBatch: Bool { says(["batch"]) }

    /// True for a name that says that steps of one sample are counted.
    fileprivate var isLength: Bool { says(["seq", "time", "len", "frame"]) }

    private func says(_ words: [String]) -> Bool {
        guard case .symbol(let name) = self else { return false }
        let plain = name.asciiLowercased
        return words.contains { plain.containsBytes(of: $0) }
    }
}
