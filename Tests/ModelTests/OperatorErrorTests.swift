import Compute
import Testing

@testable import Model

/// An op with operands that do not fit.
private struct Misfit: CustomTestStringConvertible, Sendable {
    let name: String
    let op: Op
    let operands: [(ElementType, [Int])]
    var testDescription: String { name }

    init(_ name: String, _ op: Op, _ operands: (ElementType, [Int])...) {
        self.name = name
        self.op = op
        self.operands = operands
    }
}

private let sizes: [Misfit] = [
    Misfit("binary", .binary(.power), (.float32, [2]), (.float32, [3])),
    Misfit("compare", .compare(.less), (.float32, [2]), (.float32, [3])),
    Misfit("logical", .logical(.and), (.bool, [2, 2]), (.bool, [3])),
    Misfit("select", .select, (.bool, [4]), (.float32, [2]), (.float32, [1])),
    Misfit("softmax", .softmax(axis: 2), (.float32, [2, 3])),
    Misfit("logSoftmax", .logSoftmax(axis: -1), (.float32, [2, 3])),
    Misfit("norm of no axes", .norm(.layer, axes: 0, epsilon: 0), (.float32, [2, 3])),
    Misfit("norm of too many axes", .norm(.layer, axes: 3, epsilon: 0), (.float32, [2, 3])),
    Misfit(
        "norm with another scale", .norm(.rootMeanSquare, axes: 1, epsilon: 0), (.float32, [2, 3]), (.float32, [2])),
    Misfit(
        "norm with another bias", .norm(.layer, axes: 1, epsilon: 0), (.float32, [2, 3]), (.float32, [3]),
        (.float32, [1])),
    Misfit("reduce", .reduce(.maximum, axes: [2], keepsAxes: false), (.float32, [2, 3])),
    Misfit("extreme", .extreme(.maximum, axis: 2, keepsAxis: true, takesLast: false), (.float32, [2, 3])),
    Misfit("extreme of none", .extreme(.minimum, axis: 0, keepsAxis: true, takesLast: false), (.float32, [0, 3])),
    Misfit("cumulativeSum", .cumulativeSum(axis: 7, isExclusive: false, isReversed: false), (.int64, [2])),
    Misfit("slice past the end", .slice(axis: 0, start: 1, count: 2, step: 2), (.float32, [3])),
    Misfit("slice before the start", .slice(axis: 0, start: 1, count: 3, step: -1), (.float32, [3])),
    Misfit("slice by nothing", .slice(axis: 0, start: 1, count: 3, step: 0), (.float32, [3])),
    Misfit("slice by a lot", .slice(axis: 0, start: 1, count: 3, step: .max), (.float32, [3])),
    Misfit("slice from afar", .slice(axis: 0, start: .max, count: .max, step: .max), (.float32, [3])),
    Misfit("pad of other axes", .pad(.constant, before: [1], after: [1, 1]), (.float32, [3])),
    Misfit("pad to less than nothing", .pad(.constant, before: [-2], after: [-2]), (.float32, [3])),
    Misfit("pad to infinity", .pad(.constant, before: [.max], after: [.max]), (.float32, [3])),
    Misfit("pad back and forth", .pad(.constant, before: [.min], after: [.max]), (.float32, [3])),
    Misfit("pad nothing with its edge", .pad(.edge, before: [1], after: [0]), (.float32, [0])),
    Misfit("pad with two values", .pad(.constant, before: [1], after: [0]), (.float32, [3]), (.float32, [2])),
    Misfit("triangle", .triangle(isUpper: true, diagonal: 0), (.float32, [3])),
    Misfit("gather", .gather(axis: 1), (.float32, [3]), (.int64, [1])),
    Misfit("gather of too much", .gather(axis: 0), (.float32, [3, 1 << 40]), (.int64, [1 << 40])),
    Misfit("gatherElements of another rank", .gatherElements(axis: 0), (.float32, [3, 2]), (.int64, [3])),
    Misfit("gatherElements of more", .gatherElements(axis: 0), (.float32, [3, 2]), (.int64, [1, 3])),
    Misfit("gatherND of too many", .gatherND(batchAxes: 0), (.float32, [3]), (.int64, [1, 2])),
    Misfit("gatherND of a number", .gatherND(batchAxes: 0), (.float32, [3]), (.int64, [])),
    Misfit("gatherND of other batches", .gatherND(batchAxes: 1), (.float32, [3, 2]), (.int64, [2, 1])),
    Misfit("gatherND of too many batches", .gatherND(batchAxes: 4), (.float32, [3, 2]), (.int64, [3, 1])),
    Misfit(
        "scatterElements", .scatterElements(.add, axis: 0), (.float32, [3, 2]), (.int64, [1, 2]), (.float32, [2, 2])),
    Misfit("scatterND", .scatterND(.add, batchAxes: 0), (.float32, [3, 2]), (.int64, [1, 1]), (.float32, [1, 3])),
]

@Test(arguments: sizes)
private func `operands whose sizes do not fit are refused`(test: Misfit) throws {
    var graph = Graph()
    let operands = try test.operands.map { graph.addInput("", ValueType($0.0, try Shape($0.1))) }
    #expect {
        try graph.append(test.op, operands)
    } throws: { error in
        if case ModelError.shape = error { true } else { false }
    }
}

private let types: [Misfit] = [
    Misfit("binary of truths", .binary(.add), (.bool, [2]), (.bool, [2])),
    Misfit("binary of two types", .binary(.add), (.int64, [2]), (.int32, [2])),
    Misfit("compare of two types", .compare(.equal), (.int64, [2]), (.float32, [2])),
    Misfit("logical of numbers", .logical(.or), (.int64, [2]), (.int64, [2])),
    Misfit("not of a number", .predicate(.not), (.float32, [2])),
    Misfit("isNaN of a whole number", .predicate(.isNaN), (.int64, [2])),
    Misfit("select by a number", .select, (.int64, [2]), (.int64, [2]), (.int64, [2])),
    Misfit("select of two types", .select, (.bool, [2]), (.int64, [2]), (.float32, [2])),
    Misfit("sine of a whole number", .unary(.sin), (.int64, [2])),
    Misfit("negation of a truth", .unary(.negate), (.bool, [2])),
    Misfit("norm of whole numbers", .norm(.layer, axes: 1, epsilon: 0), (.int64, [2])),
    Misfit("l2 of whole numbers", .reduce(.l2, axes: [0], keepsAxes: false), (.int64, [2])),
    Misfit("sum of truths", .reduce(.sum, axes: [0], keepsAxes: false), (.bool, [2])),
    Misfit("running sum of truths", .cumulativeSum(axis: 0, isExclusive: false, isReversed: false), (.bool, [2])),
    Misfit("extreme of truths", .extreme(.maximum, axis: 0, keepsAxis: false, takesLast: false), (.bool, [2])),
    Misfit("pad with another type", .pad(.constant, before: [1], after: [1]), (.int64, [2]), (.float32, [])),
    Misfit("gather by a fraction", .gather(axis: 0), (.float32, [2]), (.float32, [2])),
    Misfit(
        "scatter of another type", .scatterND(.replace, batchAxes: 0), (.int64, [2]), (.int64, [1, 1]), (.int32, [1])),
    Misfit(
        "scattered sum of truths", .scatterElements(.add, axis: 0), (.bool, [2]), (.int64, [1]), (.bool, [1])),
]

@Test(arguments: types)
private func `operands whose elements do not fit are refused`(test: Misfit) throws {
    var graph = Graph()
    let operands = try test.operands.map { graph.addInput("", ValueType($0.0, try Shape($0.1))) }
    #expect {
        try graph.append(test.op, operands)
    } throws: { error in
        if case ModelError.elementType = error { true } else { false }
    }
}

@Test func `a derivative that nobody has written is an error`() throws {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([3])))
    let places = try graph.append(.constant(Tensor([0] as [Int64], Shape([1]))), [])
    let updates = try graph.append(.constant(Tensor([2] as [Float], Shape([1]))), [])
    let scattered = try graph.append(.scatterElements(.multiply, axis: 0), [x, places, updates])
    let loss = try graph.append(.reduce(.sum, axes: [0], keepsAxes: false), [scattered])
    #expect(throws: ModelError.self) { try graph.gradients(of: loss, withRespectTo: [x]) }
}

@Test(arguments: [Int64.min, -4, 3, .max])
func `an index outside reads zero and writes nothing`(outside: Int64) throws {
    var graph = Graph()
    let x = try graph.append(.constant(Tensor([1, 2, 3] as [Float], Shape([3]))), [])
    let places = try graph.append(.constant(Tensor([outside, 1], Shape([2]))), [])
    let tuples = try graph.append(.reshape(Shape([2, 1])), [places])
    let updates = try graph.append(.constant(Tensor([7, 8] as [Float], Shape([2]))), [])
    let read = try [
        graph.append(.gather(axis: 0), [x, places]), graph.append(.gatherElements(axis: 0), [x, places]),
        graph.append(.gatherND(batchAxes: 0), [x, tuples]),
    ]
    let written = try [
        graph.append(.scatterElements(.add, axis: 0), [x, places, updates]),
        graph.append(.scatterND(.add, batchAxes: 0), [x, tuples, updates]),
    ]
    let plan = try ExecutionPlan(graph, fetching: read + written)
    plan.run()
    for value in read { #expect(plan.tensor(value).floats == [0, 2]) }
    for value in written { #expect(plan.tensor(value).floats == [1, 10, 3]) }
}

@Test func `a resampling refuses what it cannot read or hold`() {
    #expect(Resampling(0, to: 3, .linear, .halfPixel) == nil)
    #expect(Resampling(3, to: -1, .linear, .halfPixel) == nil)
    #expect(Resampling(3, to: Resampling.countLimit + 1, .linear, .halfPixel) == nil)
    for scale in [0, -1, Float.nan, .infinity] {
        #expect(Resampling(3, to: 2, scale: scale, .nearest(.down), .asymmetric) == nil)
    }
    // The smallest allowed scale averages as many elements as the limit allows: 6, and 2 more.
    let most = Resampling.countLimit / 2
    let scale = 2 / (Float(most) / 2)
    #expect(Resampling(3, to: 2, scale: scale, .linear, .halfPixel, averaging: .inside)?.taps == most / 2)
    #expect(Resampling(3, to: 2, scale: scale / 4, .linear, .halfPixel, averaging: .inside) == nil)
    // The smallest positive scale leads to coordinates far outside, which are clamped to the end.
    #expect(Resampling(3, to: 2, scale: .leastNonzeroMagnitude, .nearest(.down), .asymmetric)?.places == [0, 2])
}

@Test func `what lies outside a crop is the extrapolation value`() throws {
    var graph = Graph()
    let x = try graph.append(.constant(Tensor([1, 2, 3] as [Float], Shape([3]))), [])
    let crop = try #require(
        Resampling(3, to: 4, .linear, .cropAndResize(start: -0.5, end: 1, extrapolation: 9)))
    let value = try graph.append(.resample(crop, axis: 0), [x])
    let plan = try ExecutionPlan(graph, fetching: [value])
    plan.run()
    #expect(plan.tensor(value).floats == [9, 1, 2, 3])
}
