import Collapse
import JobContract

/// The course of one training, thinned as it grows: each entry is the mean loss of as many steps, and the slopes behind
/// the last of them. A training that begins anew takes the place of the one before.
struct TrainingCourse: Equatable {
    private struct Entry: Equatable {
        var step: Int
        var loss: Double
        var slopes: [Double]
    }

    /// The number of entries that are kept at most.
    static let limit = 200

    private var layers: [String] = []
    private var entries: [Entry] = []
    /// The steps of one entry.
    private var stride = 1
    private var last = 0
    /// The sum and number of losses that are in no entry yet.
    private var open = (sum: 0.0, count: 0)
    private var slopes: [Double] = []

    static func == (left: Self, right: Self) -> Bool { left.document == right.document }

    mutating func add(_ step: TrainingStep) {
        if step.step <= last { self = TrainingCourse() }
        last = step.step
        layers = step.slopes.map(\.layer)
        slopes = step.slopes.map { Double($0.slope) }
        open = (open.sum + Double(step.loss), open.count + 1)
        guard open.count >= stride else { return }
        entries.append(Entry(step: last, loss: open.sum / Double(open.count), slopes: slopes))
        open = (0, 0)
        if entries.count == Self.limit { halve() }
    }

    private mutating func halve() {
        entries = Swift.stride(from: 1, to: entries.count, by: 2).map { index in
            var entry = entries[index]
            entry.loss = (entries[index - 1].loss + entry.loss) / 2
            return entry
        }
        stride *= 2
    }

    /// The member `training` of a report; null without a training.
    var document: JSONValue {
        var entries = entries
        if open.count > 0 { entries.append(Entry(step: last, loss: open.sum / Double(open.count), slopes: slopes)) }
        guard !entries.isEmpty else { return .null }
        let courses = layers.enumerated().map { place, layer in
            (layer, JSONValue.array(entries.map { place < $0.slopes.count ? .double($0.slopes[place]) : .null }))
        }
        return [
            "steps": .array(entries.map { .int($0.step) }), "loss": .array(entries.map { .double($0.loss) }),
            "slopes": .object(JSONValue.Object(courses)),
        ]
    }
}
