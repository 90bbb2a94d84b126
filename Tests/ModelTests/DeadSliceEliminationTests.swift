import Compute
import Testing

@testable import Model

@Test func `where one place is read, the rest of the last block is not computed`() throws {
    let block = try TransformerBlock(.separate)
    let (graph, fetched) = try block.graph.prepared(fetching: [block.output], trained: [])
    let products = graph.values.filter { if case .matMul = graph[$0].op { true } else { false } }
    let lifetimes = Lifetimes(of: graph, fetching: fetched, updates: [])
    let places = products.filter { lifetimes.isNeeded[$0.index] && graph.shape($0).rank == 3 }.map {
        graph.shape($0)[1]
    }
    // Keys and values have all five positions; the query, the output projection and the perceptron have one.
    #expect(places.sorted() == [1, 1, 1, 1, 5, 5])
}

@Test func `a value that is fetched stays whole, and so does what two read differently`() throws {
    let block = try TransformerBlock(.separate)
    let final = try #require(block.graph.values.last { if case .norm = block.graph[$0].op { true } else { false } })
    #expect(try block.graph.narrowed(to: [block.output, final]) == nil)
    var graph = block.graph
    let other = try graph.append(.slice(axis: 1, start: 1, count: 1), [final])
    #expect(try graph.narrowed(to: [block.output, other]) == nil)
}
