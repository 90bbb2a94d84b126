import Model

/// The candidates of a graph by the weights that they read: those that read the same ones become one candidate.
struct WeightFamilies {
    /// The candidates in graph order, each at the place of its first use.
    private(set) var candidates: [Candidate] = []
    /// The candidates that stay, with the reason: something else reads their weights too.
    private(set) var refused: [(Candidate, reason: String)] = []

    private struct Key: Hashable {
        let weights: [Int]

        init(_ candidate: Candidate) { weights = [candidate.first.weight, candidate.second.weight] }
    }

    init(of found: [Candidate], in graph: Graph, _ consumers: [[ValueID]]) {
        let families = Dictionary(grouping: found, by: Key.init)
        for candidate in found {
            guard let family = families[Key(candidate)], let first = family.first else { continue }
            // The first layer of a block whose hidden value is read elsewhere stays, whoever reads its weight.
            let weights = candidate.isShared ? [candidate.second.weight] : Key(candidate).weights
            let other = weights.first { index in
                graph.parameterValue(index).map { consumers[$0.index].count != family.count } ?? true
            }
            if let other {
                refused.append((candidate, graph.otherReader(ofWeight: other)))
            } else if family.count > 1, !family.allSatisfy({ $0.isTwin(of: first) }) {
                refused.append((candidate, "blocks with other biases or activations read the same weights"))
            } else if candidate.id == first.id {
                var whole = first
                whole.twins = Array(family.dropFirst())
                candidates.append(whole)
            }
        }
    }
}

extension Candidate {
    /// True for a block that computes the same function.
    fileprivate func isTwin(of other: Candidate) -> Bool {
        (activation, first.bias, second.bias) == (other.activation, other.first.bias, other.second.bias)
            && (first.axis, second.axis) == (other.first.axis, other.second.axis)
            && affines.isEmpty && other.affines.isEmpty && !isShared && !other.isShared
    }
}
