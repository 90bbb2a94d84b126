import Collapse
import JobContract
import Model

/// How small a network gets when whole runs linear - activation - linear - activation - linear become one layer each.
struct CollapseChains {
    /// What the network has now, and what the best runs leave of it.
    let parametersBefore: Int
    let parametersAfter: Int

    init(_ candidates: [Candidate], in graph: Graph) {
        parametersBefore = graph.parameterCount
        // In graph order, the second layer of one candidate is the first of the next.
        var chains: [[Candidate]] = []
        for candidate in candidates {
            if let place = chains.firstIndex(where: { $0.last?.second.weight == candidate.first.weight }) {
                chains[place].append(candidate)
            } else {
                chains.append([candidate])
            }
        }
        parametersAfter = chains.reduce(parametersBefore) { $0 - Self.saving($1, in: graph) }
    }

    /// The most that any choice of runs in one chain saves: over the layers from the last to the first, what is saved from
    /// each one on.
    private static func saving(_ chain: [Candidate], in graph: Graph) -> Int {
        var best = [Int](repeating: 0, count: chain.count + 1)
        for start in chain.indices.reversed() {
            best[start] = best[start + 1]
            let first = chain[start]
            // The layers between are counted once, as the first of the next candidate.
            var (parameters, products) = (first.first.parameterCount, first.inFeatures * first.hidden)
            for end in start..<chain.count {
                let last = chain[end]
                let profit = Profit(last, in: graph)
                parameters += profit.parametersBefore - last.first.parameterCount
                products += last.hidden * last.out
                let merged = last.out * (first.inFeatures + 1)
                guard merged < parameters, last.out * first.inFeatures < products else { continue }
                best[start] = max(best[start], parameters - merged + best[min(end + 2, chain.count)])
            }
        }
        return best.first ?? 0
    }

    /// `max_reduction` of the interface.
    var document: JSONValue {
        [
            "parameters": .int(parametersBefore - parametersAfter),
            "ratio": .double(Double(parametersBefore) / Double(max(1, parametersAfter))),
        ]
    }
}
