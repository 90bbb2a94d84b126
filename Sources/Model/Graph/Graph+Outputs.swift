import Compute

/// A value by which an output of a network is measured.
package struct MeasuredOutput: Sendable {
    /// The name of the output.
    package let name: String
    /// The output, or for one that holds no float32 numbers for each sample, such as the label of a classifier, the float
    /// values that it is computed from.
    package let value: ValueID
    /// True for the output itself.
    package let isItself: Bool
}

extension Graph {
    /// The outputs that the samples determine, each with the float values to measure it by; an output that is computed
    /// from the values of another one is left out.
    package var measuredOutputs: [MeasuredOutput] {
        let dependsOnData = dependents { inputName($0) != nil }
        func isMeasurable(_ value: ValueID) -> Bool {
            let leading = shape(value).dimensions.first
            return dependsOnData[value.index] && type(value).element == .float32
                && leading.map { $0 > 0 && $0.isMultiple(of: batchSize) } ?? false
        }
        let own = outputs.filter { isMeasurable($0.value) }
            .map { MeasuredOutput(name: $0.name, value: $0.value, isItself: true) }
        var taken = Set(own.map(\.value))
        var sources: [MeasuredOutput] = []
        for output in outputs where dependsOnData[output.value.index] && !taken.contains(output.value) {
            let isNeeded = needed(for: [output.value]) { $0 != output.value && isMeasurable($0) }
            let found = values.filter { isNeeded[$0.index] && isMeasurable($0) && $0 != output.value }
            guard let deepest = found.last, taken.insert(deepest).inserted else { continue }
            sources.append(MeasuredOutput(name: output.name, value: deepest, isItself: false))
        }
        return own + sources
    }

    /// The outputs that no sample changes, such as a scale or anchors.
    package var constantOutputs: [(name: String, value: ValueID)] {
        let dependsOnData = dependents { inputName($0) != nil }
        return outputs.filter { !dependsOnData[$0.value.index] }
    }

    /// The measured output with a name, or the first if none has it.
    package func output(named name: String?) -> MeasuredOutput? {
        let measured = measuredOutputs
        return measured.first { $0.name == name } ?? measured.first
    }
}
