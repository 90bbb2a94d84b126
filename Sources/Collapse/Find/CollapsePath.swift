import Model

/// The way from the original to the smallest network, the smallest damage first. Not every point has to be known.
protocol CollapsePath {
    /// Of each point, the first of which has one block less than the original.
    var parameterCounts: [Int] { get }
    /// The points that are known, in order.
    var points: [ParetoPoint] { get }
    /// - Throws: ``ModelError`` when the point cannot be computed.
    mutating func point(at index: Int) throws(ModelError) -> ParetoPoint
}

extension [ParetoPoint]: CollapsePath {
    var parameterCounts: [Int] { map(\.parameters) }
    var points: [ParetoPoint] { self }
    func point(at index: Int) -> ParetoPoint { self[index] }
}
