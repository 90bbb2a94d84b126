import Collapse
package import JobContract
import Model
import Options

/// A pull during a plain training that prepares a network for its compression.
package enum Regularizer: String, CaseIterable, Sendable {
    /// Each activation of a block gets a trained slope, which a penalty pulls to 1 (arXiv:2311.17943).
    case layercollapse

    /// - Throws: ``Problem`` for a name that is none.
    package init(named name: String) throws(Problem) {
        guard let known = Regularizer(rawValue: name) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: " ")
            throw Problem(.invalidOption, "regularize: expected \(names), not '\(name)'", pointer: "/regularize")
        }
        self = known
    }

    /// The network that is trained in place of another one.
    ///
    /// - Parameters:
    ///   - graph: the network.
    ///   - options: `include` and `exclude`.
    ///   - name: the name of the model, for messages.
    /// - Returns: the network with a slope in each block that can be merged.
    /// - Throws: ``Problem`` for a network without a block.
    func applied(to graph: Graph, _ options: JobOptions, model name: String) throws(Problem) -> SlopedNetwork {
        let (sloped, refusals): (SlopedNetwork, [Refusal])
        do { (sloped, refusals) = try SlopedNetwork.whole(graph, options) } catch { throw Problem(any: error) }
        guard sloped.slopes.isEmpty else { return sloped }
        let reasons = refusals.map { "\($0.name): \($0.reason)" }
        throw Problem(
            .nothingToCollapse, "\(name) has no block to regularize" + (reasons.first.map { ": " + $0 } ?? ""),
            hint: "inspect lists the blocks; train without regularize", pointer: "/model")
    }
}
