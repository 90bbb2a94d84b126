import Collapse
import JobContract

extension LayerOutcome {
    /// An element of `result.layers`.
    var document: JSONValue {
        [
            "name": .string(name), "kind": .string(kind), "in": .int(inFeatures), "hidden": .int(hidden),
            "out": .int(out), "parameters_before": .int(parametersBefore), "parameters_after": .int(parametersAfter),
            "macs_before": .int(macsBefore), "macs_after": .int(macsAfter),
            "slope": JSONValue(slope), "r2": JSONValue(r2), "mse": JSONValue(meanSquareError),
            "bound": JSONValue(bound), "kl": JSONValue(divergence), "collapsed": .bool(isCollapsed),
            "choice": choice.map { .object(document(of: $0)) } ?? .null,
            "alone": .array(
                alone.map { choice, damage in
                    var object = document(of: choice)
                    object["damage"] = .double(damage)
                    return .object(object)
                }),
            "reason": JSONValue(reason),
        ]
    }

    /// A replacement of the site, with the numbers that its family has.
    private func document(of choice: Choice) -> JSONValue.Object {
        var object = JSONValue.Object([("words", .string(choice.words)), ("family", .string(family(of: choice)))])
        object["channels"] = choice.channels.map(JSONValue.int)
        object["rank"] = choice.rank.map(JSONValue.int)
        return object
    }
}
