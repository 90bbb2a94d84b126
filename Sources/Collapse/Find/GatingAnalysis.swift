import Compute
import Model

/// What several readers of one value make of it together: a value that is multiplied by what becomes of itself elsewhere
/// belongs to a gated unit (SwiGLU, squeeze-and-excitation), or to a normalisation.
struct GatingAnalysis {
    let graph: Graph
    /// The axis of the value's features.
    let axis: Int
    /// Whether the value has been through an activation.
    let isActivated: Bool

    static let gated = "gated: the hidden value is multiplied by another"
    static let normalized = "a normalisation over the hidden axis"

    /// What a later value is of the one in question.
    private enum Part {
        /// The same elements or some of them, each by itself.
        case elements(areActivated: Bool)
        /// Numbers about it, such as a mean.
        case statistic(ofFeatures: Bool)
        case derived
    }

    /// - Parameter value: has several readers.
    /// - Returns: why it is no hidden value of a run; nil when its readers have nothing to do with each other.
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
