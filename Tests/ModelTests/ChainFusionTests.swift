import Compute
import Testing

@testable import Model

/// A graph of inputs `[3, 40]` and element-wise ops.
private struct Elements {
    var graph = Graph()

    mutating func input(_ name: String, _ sizes: [Int] = [3, 40]) throws -> ValueID {
        graph.addInput(name, .float(try Shape(sizes)))
    }

    mutating func binary(_ kind: BinaryKind, _ left: ValueID, _ right: ValueID) throws -> ValueID {
        try graph.append(.binary(kind), [left, right])
    }

    mutating func unary(_ kind: UnaryKind, _ x: ValueID) throws -> ValueID { try graph.append(.unary(kind), [x]) }

    /// The number of ops of each kind that a plan runs.
    func opCounts(seen: [ValueID]) throws -> (chains: Int, all: Int) {
        var fused = graph
        try fused.fuse(seen: seen)
        let readers = UseLists(of: fused, seen: seen)
        let ops = fused.values.filter { readers.isNeeded($0) && !fused[$0].operands.isEmpty }
        return (ops.count { if case .chain = fused[$0].op { true } else { false } }, ops.count)
    }

    /// The results of a run for the values, if `others` are fetched too.
    func run(_ values: [ValueID], lookingAt others: [ValueID] = []) throws -> [[Float]] {
        let plan = try ExecutionPlan(graph, fetching: values + others)
        for (index, input) in graph.inputs.enumerated() {
            plan.tensor(input).copy(from: try random(graph.shape(input), seed: UInt64(index) + 1, -1...1))
        }
        plan.run()
        return values.map { plan.tensor($0).floats }
    }
}

/// `x + scale * (2 * branch + bias)`, as LayerScale and global response normalisation are written.
@Test func `a scaled branch and its sum are one op, with the same numbers`() throws {
    var elements = Elements()
    let (x, branch) = try (elements.input("x"), elements.input("branch"))
    let (scale, bias) = try (elements.input("scale", [40]), elements.input("bias", [3, 1]))
    let shifted = try elements.binary(.add, try elements.binary(.add, branch, branch), bias)
    let scaled = try elements.binary(.multiply, scale, shifted)
    let sum = try elements.binary(.add, x, scaled)
    let counts = try elements.opCounts(seen: [sum])
    #expect(counts == (chains: 1, all: 1))
    #expect(try elements.run([sum]) == elements.run([sum], lookingAt: elements.graph.values))
}

@Test func `what is read twice is in a chain only with all who read it`() throws {
    var elements = Elements()
    let (x, y) = try (elements.input("x"), elements.input("y"))
    let product = try elements.binary(.multiply, x, y)
    let clipped = try elements.unary(.hardSigmoid(alpha: 0.2, beta: 0.5), product)
    let inside = try elements.binary(.multiply, product, clipped)
    #expect(try elements.opCounts(seen: [inside]) == (chains: 1, all: 1))
    #expect(try elements.run([inside]) == elements.run([inside], lookingAt: elements.graph.values))
    let outside = try elements.graph.append(.softmax(axis: 1), [product])
    #expect(try elements.opCounts(seen: [inside, outside]) == (chains: 1, all: 3))
    #expect(try elements.opCounts(seen: [inside, product]) == (chains: 1, all: 2))
}

@Test func `a chain has so many operands and operations and no more`() throws {
    var elements = Elements()
    var sum = try elements.input("x0")
    for index in 1...ElementChain.operandLimit {
        sum = try elements.binary(.add, try elements.input("x\(index)"), sum)
    }
    // One operand more than a chain reads: the first sum remains an op of its own.
    #expect(try elements.opCounts(seen: [sum]) == (chains: 1, all: 2))
    #expect(try elements.run([sum]) == elements.run([sum], lookingAt: elements.graph.values))
    var long = Elements()
    var value = try long.input("x")
    for _ in 0...ElementChain.operationLimit { value = try long.unary(.negate, value) }
    #expect(try long.opCounts(seen: [value]) == (chains: 1, all: 2))
}

@Test func `a chain is not made where it would keep two values for one`() throws {
    var elements = Elements()
    let (x, y) = try (elements.input("x"), elements.input("y"))
    // Both are read only by their product, which overwrites one of them at once.
    let (left, right) = try (elements.unary(.exp, x), elements.unary(.exp, y))
    let product = try elements.binary(.multiply, left, right)
    let sum = try elements.binary(.add, product, x)
    #expect(try elements.opCounts(seen: [sum]) == (chains: 0, all: 4))
    // If one of them is read later, it is kept anyway.
    let later = try elements.binary(.divide, sum, left)
    #expect(try elements.opCounts(seen: [later]) == (chains: 1, all: 3))
}

@Test func `derivatives are the same in chains`() throws {
    var elements = Elements()
    let (x, y) = try (elements.input("x"), elements.input("y"))
    let scale = try elements.input("scale", [40])
    let hidden = try elements.unary(.hardSwish, try elements.binary(.multiply, x, scale))
    let gated = try elements.binary(.multiply, try elements.unary(.relu, hidden), try elements.binary(.subtract, y, x))
    let loss = try elements.graph.append(.meanSquare, [gated, y])
    let gradients = try elements.graph.gradients(of: loss, withRespectTo: [x, y, scale]).map { try #require($0) }
    #expect(try elements.opCounts(seen: gradients).chains > 0)
    #expect(try elements.run(gradients) == elements.run(gradients, lookingAt: elements.graph.values))
}
