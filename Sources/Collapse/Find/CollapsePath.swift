import Model

/// The points from the original to the smallest network, the smallest damage first. Points may be computed on demand.
protocol CollapsePath {
    /// The parameter count of each point; the first point has one block less than the original.
    var parameterCounts: [Int] { get }
    /// The points computed so far, in order.
    var points: [ParetoPoint] { get }
    /// The point at an index, computed if necessary.
    ///
    /// - Throws: ``ModelError`` when the point cannot be computed.
    mutating func point(at index: Int) throws(ModelError) -> ParetoPoint
}

extension [ParetoPoint]: CollapsePath {
    var parameterCounts: [Int] { map(\.parameters) }
    var points: [ParetoPoint] { self }
    func point(at index: Int) -> ParetoPoint { self[index] }
}
