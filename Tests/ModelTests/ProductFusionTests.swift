import Compute
import Testing

@testable import Model

/// The graph of `act(x W + bias) + residual`.
private func layer(
    _ kind: UnaryKind, rest: [Int]
) throws -> (graph: Graph, product: ValueID, sum: ValueID) {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([6, 4])))
    let weight = graph.addInput("weight", .float(try Shape([4, 5])))
    let bias = graph.addInput("bias", .float(try Shape([5])))
    let residual = graph.addInput("residual", .float(try Shape(rest)))
    let product = try graph.append(.matMul(transposeLeft: false, transposeRight: false), [x, weight])
    let shifted = try graph.append(.binary(.add), [bias, product])
    let active = try graph.append(.unary(kind), [shifted])
    let sum = try graph.append(.binary(.add), [residual, active])
    return (graph, product, sum)
}

private func run(_ graph: Graph, _ values: [ValueID]) throws -> [Float] {
    let plan = try ExecutionPlan(graph, fetching: values)
    for (index, input) in graph.inputs.enumerated() {
        plan.tensor(input).copy(from: try random(graph.shape(input), seed: UInt64(index) + 1, -1...1))
    }
    plan.run()
    return plan.tensor(values[0]).floats
}

/// The number of ops that a run of the fused graph needs.
private func ops(_ graph: Graph, seen: [ValueID]) throws -> Int {
    var fused = graph
    try fused.fuseProducts(seen: seen)
    return count(fused, fetching: seen) { if case .input = $0 { false } else { true } }
}

@Test(arguments: [UnaryKind.relu, .gelu])
func `a product, its bias, its activation and a residual sum are one op`(kind: UnaryKind) throws {
    let (graph, _, sum) = try layer(kind, rest: [6, 5])
    #expect(try ops(graph, seen: [sum]) == 1)
    let (fused, plain) = try (run(graph, [sum]), run(graph, [sum] + graph.values))
    #expect(zip(fused, plain).allSatisfy { abs($0 - $1) < 1e-5 })
}

@Test func `what is read elsewhere, or stretched, is not fused`() throws {
    let (graph, product, sum) = try layer(.relu, rest: [6, 5])
    #expect(try ops(graph, seen: [sum, product]) == 4)
    // The residual would have to be stretched: only bias and activation join.
    let (other, _, stretched) = try layer(.relu, rest: [6, 1])
    #expect(try ops(other, seen: [stretched]) == 2)
}
