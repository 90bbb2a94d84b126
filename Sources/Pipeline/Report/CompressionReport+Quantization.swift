import Collapse
import Formats
import JobContract
import Options

extension CompressionReport {
    /// The member `quantization` of a result: what became of the weights, and what it cost beside the same network as
    /// floats; null unless integers were asked for.
    var quantization: JSONValue {
        guard options.quantize != .none, let outcome else { return .null }
        guard let integers, let floats else {
            return [
                "weights": "float32", "reason": JSONValue(outcome.integers?.reason ?? "nothing was written"),
                "bytes_before": .null, "bytes_after": .null, "floats": .null, "int8_weights": .null,
                "float_weights": .null, "latency": .null,
            ]
        }
        return [
            "weights": "int8", "reason": .null, "bytes_before": .int(integers.floatBytes),
            "bytes_after": .int(integers.bytes),
            "floats": [
                "metric": JSONValue(floats.metrics?.metric), "loss": JSONValue(floats.metrics?.loss),
                "outputs": .array(floats.comparisons.map { $0.document(isCertified: data.hasOwnSplit) }),
            ],
            "int8_weights": .array(integers.integers.map(\.document)),
            "float_weights": .array(integers.weights.filter { $0.reason != nil }.map(\.document)),
            "latency": "not measured: the integers are run as floats here",
        ]
    }
}

extension DynamicQuantization.Weight {
    fileprivate var document: JSONValue {
        ["name": .string(name), "elements": .int(elements), "reason": JSONValue(reason)]
    }
}
