import Model
package import Options

extension JobOptions {
    /// True for a candidate that `include` and `exclude` leave in.
    package func admits(_ name: String) -> Bool {
        includes(name) && !exclude.contains { Glob($0).matches(name) }
    }

    /// True for a candidate that `include` names, or when it names none.
    package func includes(_ name: String) -> Bool {
        include.isEmpty || include.contains { Glob($0).matches(name) }
    }

    /// The reason why a candidate stays whatever the data say.
    ///
    /// - Parameters:
    ///   - candidate: a candidate of `graph`.
    ///   - graph: the network.
    ///   - trainsSlopes: true for a method that trains the slope of the candidate's activation.
    /// - Returns: nil for a candidate that may be replaced.
    func reason(against candidate: Candidate, in graph: Graph, trainsSlopes: Bool) -> String? {
        if !admits(candidate.name) { return "include and exclude leave it alone" }
        if !Profit(candidate, in: graph).isProfitable { return "the merged layer would not be smaller" }
        guard trainsSlopes else { return nil }
        if !candidate.twins.isEmpty { return "its weights serve several layers, whose slopes are not trained" }
        if candidate.isShared { return "the hidden value is read elsewhere too, so its activation is not trained" }
        return nil
    }
}
