import Collapse
import JobContract

extension ParetoPoint {
    /// The point for a report: its size, and its measures on the deciding samples.
    var document: JSONValue {
        var object = JSONValue.Object([
            ("layers", .int(layers)), ("parameters", .int(parameters)), ("macs", .int(graph.macs)),
            ("predicted_damage", JSONValue(predictedDamage)), ("damage", JSONValue(damage)),
        ])
        let estimates = [
            ("divergence", comparison?.divergence), ("disagreement", comparison?.disagreement),
            ("variance_lost", comparison?.varianceLost),
        ]
        for (name, estimate) in estimates {
            object[name] = JSONValue(estimate?.value)
            object["\(name)_upper95"] = JSONValue(estimate?.upper95)
        }
        object["metric"] = JSONValue(metrics?.metric)
        object["metric_interval95"] = metrics?.interval.map { .array($0.map(JSONValue.double)) } ?? .null
        object["loss"] = JSONValue(metrics?.loss)
        if let nanoseconds { object["latency_ms_p50"] = .double(Double(nanoseconds) / 1e6) }
        return .object(object)
    }

    /// The point as one of a front.
    ///
    /// - Parameters:
    ///   - layers: the outcomes of all sites.
    ///   - chosen: the point that was chosen, which may have been trained since.
    /// - Returns: an element of `result.pareto`.
    func document(among layers: [LayerOutcome], chosen: ParetoPoint?) -> JSONValue {
        var object = document.object ?? JSONValue.Object()
        var plan = JSONValue.Object()
        for (layer, choice) in layers.replacements(in: self) {
            // Sites of one name are told together.
            let words = [plan[layer.name]?.string, choice.words].compactMap(\.self)
            plan[layer.name] = .string(words.joined(separator: ", "))
        }
        object["plan"] = .object(plan)
        object["chosen"] = .bool(self.plan == chosen?.plan)
        return .object(object)
    }
}

extension [ParetoPoint] {
    /// The damages that sites alone add up to, held to those that were measured: the member `prediction` of a report.
    ///
    /// - Returns: the ratio predicted over measured that is farthest from one; null without a point that has both.
    var prediction: JSONValue {
        let ratios = compactMap { point -> Double? in
            guard let predicted = point.predictedDamage, let measured = point.damage, predicted > 0, measured > 0 else {
                return nil
            }
            return predicted / measured
        }
        guard let worst = ratios.max(by: { Swift.max($0, 1 / $0) < Swift.max($1, 1 / $1) }) else { return .null }
        return ["worst_ratio": .double(worst), "points": .int(ratios.count)]
    }
}
