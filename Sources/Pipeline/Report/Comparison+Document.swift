import ByteText
import Collapse
import JobContract
import Options

extension Comparison {
    /// The measures of the output for a report.
    ///
    /// - Parameter isCertified: whether bounds are given: samples that the network may have been trained on prove none.
    /// - Returns: an object with a member for each measure.
    func document(isCertified: Bool) -> JSONValue {
        var object = JSONValue.Object([
            ("name", .string(task.output)), ("task", .string(task.kind.rawValue)),
            ("task_is_guess", .bool(task.isGuess)),
            ("class_axis", task.kind.hasClasses ? .int(task.classAxis) : .null), ("samples", .int(samples)),
        ])
        for measure in Measure.allCases {
            object[measure.rawValue] =
                self[measure].map { estimate in
                    ["value": .double(estimate.value), "upper95": isCertified ? .double(estimate.upper95) : .null]
                } ?? .null
        }
        object["cosine"] = cosines.map { ["mean": .double($0.mean), "worst5": .double($0.worst5)] } ?? .null
        return .object(object)
    }

    /// The measure that decides by default, in words for people.
    var words: String {
        let measure = task.kind.measures[0]
        guard let value = self[measure]?.value else { return "not measured" }
        return switch measure {
        case .disagreement: "disagreement \(NumberFormat.fixed(100 * value, digits: 2)) %"
        case .divergence: "KL \(NumberFormat.fixed(value, digits: 4)) nats"
        case .varianceLost: "variance lost \(NumberFormat.fixed(100 * value, digits: 2)) %"
        }
    }
}

extension PredictionTask {
    /// The sentence that says what the output is taken as, and how to say otherwise.
    var assumption: String {
        let axis = kind.hasClasses ? ", with the classes along axis \(classAxis)" : ""
        let remedy =
            isGuess ? ", which is a guess by its shape: task=... (and class_axis, outputs) says otherwise" : ""
        return "The output '\(output)' is taken as \(kind.rawValue)\(axis)\(remedy)."
    }

    /// The output's name and kind, for the last line.
    var words: String { "\(kind.rawValue)\(isGuess ? "?" : "") of '\(output)'" }

    /// The output for a plan: its kind, and the option that limits it with its default.
    var document: JSONValue {
        [
            "name": .string(output), "task": .string(kind.rawValue), "task_is_guess": .bool(isGuess),
            "class_axis": kind.hasClasses ? .int(classAxis) : .null, "budget": .string(kind.measures[0].option),
            "default": .double(kind.defaultLimit),
        ]
    }
}

extension Budget.Use {
    /// An element of `result.budget`.
    var document: JSONValue {
        [
            "option": .string(option), "output": JSONValue(output), "limit": .double(limit),
            "value": .double(found.value), "upper95": .double(found.upper95),
        ]
    }
}
