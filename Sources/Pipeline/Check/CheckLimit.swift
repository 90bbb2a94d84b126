import ByteText
import Collapse
import JobContract

/// One limit of a check, and what was measured of it.
struct CheckLimit {
    /// The option that sets it.
    let option: String
    /// The name of what is limited.
    let words: String
    let value: Double
    /// The number that is held to the limit: the upper bound with 95 % confidence, or the value where there is none.
    let bound: Double
    let limit: Double
    /// A remark behind the message of a limit that does not hold; may be empty.
    var advice = ""

    /// False for a measure that is not a number too.
    var holds: Bool { bound <= limit }

    /// One sentence, the same for people and for programs that read reports.
    var message: String {
        let bounded = bound == value ? "" : ", at most \(shown(bound))"
        return "\(words) is \(shown(value))\(bounded), \(holds ? "within" : "over") the limit \(shown(limit))"
            + (holds ? "" : advice)
    }

    private func shown(_ value: Double) -> String {
        switch option {
        case "max_slowdown": NumberFormat.fixed(value, digits: 2) + "x"
        case Measure.divergence.option: NumberFormat.fixed(value, digits: 4) + " nats"
        default: NumberFormat.fixed(100 * value, digits: 2) + " %"
        }
    }

    /// An element of `result.limits`.
    var document: JSONValue {
        [
            "name": .string(option), "of": .string(words), "value": .double(value), "bound": .double(bound),
            "limit": .double(limit), "holds": .bool(holds), "message": .string(message),
        ]
    }
}

extension CheckLimit {
    init(_ use: Budget.Use) {
        self.init(
            option: use.option, words: use.words, value: use.found.value, bound: use.found.upper95, limit: use.limit,
            advice: use.advice)
    }

    /// The limit on latency, by the median of the rounds: a bound would only tell how noisy the machine is.
    init(_ speedup: Speedup, maxSlowdown limit: Double) {
        let slowdown = 1 / speedup.ratio
        self.init(
            option: "max_slowdown", words: "the latency as a multiple of the old one's", value: slowdown,
            bound: slowdown, limit: limit)
    }
}
