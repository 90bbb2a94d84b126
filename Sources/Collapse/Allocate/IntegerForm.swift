package import Model

/// A network as the file of integer weights that it may be handed out as.
package struct IntegerForm: Sendable {
    /// The file, read back.
    package let graph: Graph
    package let byteCount: Int

    package init(_ graph: Graph, byteCount: Int) { (self.graph, self.byteCount) = (graph, byteCount) }

    /// The reason to keep floats; nil when the integers' file is smaller than that of the floats.
    func reasonAgainst(floats bytes: Int) -> String? {
        byteCount < bytes ? nil : "the file of floats has \(bytes) bytes, and that of integers \(byteCount)"
    }
}

/// The decision whether a network is handed out with integer weights.
package enum IntegerDecision: Hashable, Sendable {
    case taken
    case refused(reason: String)

    static let nothingToQuantize = "no weight would be smaller as integers"

    package var isTaken: Bool { self == .taken }
    package var reason: String? { if case .refused(let reason) = self { reason } else { nil } }
}
