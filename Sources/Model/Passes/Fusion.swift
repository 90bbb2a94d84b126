extension Graph {
    /// The graph prepared to run fast: without slices that are never read, and with each attention as one op.
    ///
    /// - Parameters:
    ///   - fetched: values that are read after a run.
    ///   - trained: the parameters that training changes.
    /// - Returns: the graph, with the same parameters and inputs, and the fetched values in it.
    /// - Throws: ``ModelError/shape(value:_:)`` never for a graph that was built by ``append(_:_:name:scope:origin:)``.
    func prepared(fetching fetched: [ValueID], trained: Set<Int>) throws(ModelError) -> (Graph, fetched: [ValueID]) {
        var (graph, places) = (self, fetched)
        if let narrow = try narrowed(to: fetched) {
            graph = narrow.graph
            places = fetched.compactMap { narrow.moved[$0.index] }
            precondition(places.count == fetched.count, "what is fetched stays")
        }
        try graph.fuseAttention(trained: trained, fetched: places)
        return (graph, places)
    }

    /// Fuses ops, which changes no result and removes intermediate values that are not read elsewhere.
    ///
    /// - Parameter seen: values that are read after a run, or that update a parameter.
    /// - Throws: ``ModelError/shape(value:_:)`` never, as each op has the type of what it replaces.
    mutating func fuse(seen: [ValueID]) throws(ModelError) {
        try fuseProducts(seen: seen)
        try fuseChains(seen: seen)
    }
}
