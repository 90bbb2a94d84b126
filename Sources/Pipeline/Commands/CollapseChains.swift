import Collapse
import JobContract
import Model

/// The smallest size of a network when whole runs linear - activation - linear - activation - linear collapse to one
/// layer each.
struct CollapseChains {
    /// Parameters now, and after collapsing the best runs.
    let parametersBefore: Int
    let parametersAfter: Int

    /// - Parameters:
    ///   - candidates: the candidates of `graph`.
    ///   - regions: the other sites that one layer may replace.
    ///   - graph: the network, with its exact blocks merged.
    ///   - original: the network as it is.
    init(_ candidates: [Candidate], _ regions: [Site] = [], in graph: Graph, of original: Graph) {
        parametersBefore = original.parameterCount
        let saved = regions.map { Profit($0, in: graph) }
        parametersAfter =
            candidates.chains.reduce(graph.parameterCount) { $0 - Self.saving($1, in: graph) }
            - saved.filter(\.isProfitable).map(\.saving).reduce(0, +)
    }

    /// The largest saving of any choice of runs in one chain, by dynamic programming from the last layer to the first.
    private static func saving(_ chain: [Candidate], in graph: Graph) -> Int {
        var best = [Int](repeating: 0, count: chain.count + 1)
        for start in chain.indices.reversed() {
            best[start] = best[start + 1]
            let first = chain[start]
            // The layers between are counted once, as the first of the next candidate.
            // A first layer whose result is read elsewhere stays.
            var (parameters, products) =
                first.isShared ? (0, 0) : (first.first.parameterCount, first.inFeatures * first.hidden)
            for end in start..<chain.count {
                let last = chain[end]
                guard end == start || !last.isShared else { break }
                let profit = Profit(last, in: graph)
                parameters += profit.parametersBefore - (last.isShared ? 0 : last.first.parameterCount)
                products += last.hidden * last.out
                let merged = last.out * (first.inFeatures + 1)
                guard merged < parameters, last.out * first.inFeatures < products else { continue }
                best[start] = max(best[start], parameters - merged + best[min(end + 2, chain.count)])
            }
        }
        return best.first ?? 0
    }

    /// The member `max_reduction` of a plan.
    var document: JSONValue {
        [
            "parameters": .int(parametersBefore - parametersAfter),
            "ratio": .double(Double(parametersBefore) / Double(max(1, parametersAfter))),
        ]
    }
}
