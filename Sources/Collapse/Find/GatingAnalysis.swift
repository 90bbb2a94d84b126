import Compute
import Model

/// Recognises gated units and normalisations by the consumers of one value: a value that is multiplied by a function of
/// itself belongs to a gated unit (SwiGLU, squeeze-and-excitation) or to a normalisation.
struct GatingAnalysis {
    let graph: Graph
    /// The axis of the value's features.
    let axis: Int
    /// True when the value comes after an activation.
    let isActivated: Bool

    static let gated = "gated: the hidden value is multiplied by another"
    static let normalized = "a normalisation over the hidden axis"

    /// The relation of a later value to the analysed one.
    private enum Part {
        /// All or some of its elements, each treated separately.
        case elements(areActivated: Bool)
        /// A statistic of it, such as a mean.
        case statistic(ofFeatures: Bool)
        case derived
    }

    /// The reason why a value is not the hidden value of a block.
    ///
    /// - Parameter value: a value with several consumers.
    /// - Returns: nil when its consumers are independent.
    func reason(for value: ValueID) -> String? {
        var parts = [value: Part.elements(areActivated: isActivated)]
        for next in graph.values.dropFirst(value.index + 1) {
            let operands = graph[next].operands
            let read = operands.compactMap { parts[$0] }
            guard let first = read.first else { continue }
            switch graph[next].op {
            case .unary, .prelu:
                if case .elements = first { parts[next] = .elements(areActivated: true) } else { parts[next] = first }
            case .slice, .reshape, .cast: parts[next] = first
            case .reduce:
                var isOfFeatures = graph.normalizes(next, over: axis)
                if case .statistic(true) = first { isOfFeatures = true }
                parts[next] = .statistic(ofFeatures: isOfFeatures)
            case .binary(let kind):
                if read.count == 2, operands[0] != operands[1], let reason = reason(kind, read[0], read[1]) {
                    return reason
                }
                parts[next] = combined(read, isAlone: operands.allSatisfy { parts[$0] != nil || graph.isKnown($0) })
            default: parts[next] = .derived
            }
        }
        return nil
    }

    private func combined(_ read: [Part], isAlone: Bool) -> Part {
        switch (read[0], read.last) {
        case (.statistic(let one), .statistic(let other)) where isAlone: .statistic(ofFeatures: one || other)
        case (.elements, _) where isAlone && read.count == 1: read[0]
        default: .derived
        }
    }

    private func reason(_ kind: BinaryKind, _ left: Part, _ right: Part) -> String? {
        guard kind == .multiply || kind == .divide else { return nil }
        switch (left, right) {
        case (.elements(let one), .elements(let other)):
            return kind == .multiply && (one || other) ? Self.gated : nil
        case (.elements(true), .statistic(let isOfFeatures)), (.statistic(let isOfFeatures), .elements(true)):
            return isOfFeatures ? Self.normalized : Self.gated
        case (.elements(true), .derived), (.derived, .elements(true)):
            return kind == .multiply ? Self.gated : nil
        default: return nil
        }
    }
}
