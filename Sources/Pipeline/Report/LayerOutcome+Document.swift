import Collapse
import JobContract

extension LayerOutcome {
    /// An element of `result.layers`.
    var document: JSONValue {
        [
            "name": .string(name), "kind": .string(kind), "in": .int(inFeatures), "hidden": .int(hidden),
            "out": .int(out), "parameters_before": .int(parametersBefore), "parameters_after": .int(parametersAfter),
            "slope": JSONValue(slope), "r2": JSONValue(r2), "mse": JSONValue(meanSquareError),
            "bound": JSONValue(bound), "kl": JSONValue(divergence), "collapsed": .bool(isCollapsed),
            "reason": JSONValue(reason),
        ]
    }
}
