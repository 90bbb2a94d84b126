import Collapse
import JobContract

extension ParetoPoint {
    /// The point for a report: its size, and its measures on the deciding samples.
    var document: JSONValue {
        [
            "layers": .int(layers), "parameters": .int(parameters),
            "divergence": JSONValue(comparison?.divergence.value),
            "disagreement": JSONValue(comparison?.disagreement?.value),
            "variance_lost": JSONValue(comparison?.varianceLost?.value), "metric": JSONValue(metrics?.metric),
            "loss": JSONValue(metrics?.loss),
        ]
    }
}
