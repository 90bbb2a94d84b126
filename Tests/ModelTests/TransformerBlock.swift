import Compute
import Testing

@testable import Model

/// One transformer block in the spellings of exporters, and optionally a slice that reads one position of it.
struct TransformerBlock {
    var graph = Graph()
    let output: ValueID

    enum Spelling: CaseIterable {
        /// One projection for all three, split behind a transposition.
        case packed
        /// Three projections; the queries and the keys are each scaled.
        case separate
        /// The spelling `separate` with a mask, and zeros for rows that are masked completely.
        case masked
        /// The batch and the heads in one axis.
        case flat
    }

    private static let (batch, places, width, heads) = (3, 5, 8, 2)

    init(_ spelling: Spelling, readsOnePlace: Bool = true) throws {
        let (batch, places, width, heads) = (Self.batch, Self.places, Self.width, Self.heads)
        var seed: UInt64 = 1
        func weight(_ graph: inout Graph, _ sizes: [Int]) throws -> ValueID {
            seed += 1
            return graph.addParameter(
                Parameter(
                    name: "w\(seed)", tensor: try random(Shape(sizes), seed: seed, -0.6...0.6), isTrainable: true))
        }
        func linear(_ graph: inout Graph, _ x: ValueID, _ inputs: Int, _ outputs: Int) throws -> ValueID {
            let product = try graph.append(
                .matMul(transposeLeft: false, transposeRight: false), [x, weight(&graph, [inputs, outputs])])
            return try graph.append(.binary(.add), [weight(&graph, [outputs]), product])
        }
        func norm(_ graph: inout Graph, _ x: ValueID) throws -> ValueID {
            try graph.append(
                .norm(.layer, axes: 1, epsilon: 1e-5), [x, weight(&graph, [width]), weight(&graph, [width])])
        }
        func constant(_ graph: inout Graph, _ value: Float) throws -> ValueID {
            try graph.append(.constant(Tensor([value], .scalar)), [])
        }
        let x = graph.addInput("x", .float(try Shape([batch, places, width])))
        let normed = try norm(&graph, x)
        let (size, sizes) = (width / heads, [batch, places, heads, width / heads])
        var parts: [ValueID] = []
        if spelling == .packed {
            let packed = try linear(&graph, normed, width, 3 * width)
            let split = try graph.append(.reshape(Shape([batch, places, 3, heads, size])), [packed])
            let turned = try graph.append(.transpose([2, 0, 3, 1, 4]), [split])
            for part in 0..<3 {
                let slice = try graph.append(.slice(axis: 0, start: part, count: 1), [turned])
                parts.append(try graph.append(.reshape(Shape([batch, heads, places, size])), [slice]))
            }
        } else {
            for _ in 0..<3 {
                let split = try graph.append(.reshape(Shape(sizes)), [try linear(&graph, normed, width, width)])
                let turned = try graph.append(.transpose([0, 2, 1, 3]), [split])
                parts.append(
                    spelling == .flat
                        ? try graph.append(.reshape(Shape([batch * heads, places, size])), [turned]) : turned)
            }
        }
        for index in 0..<2 {
            parts[index] = try graph.append(.binary(.multiply), [parts[index], try constant(&graph, 0.9)])
        }
        var scores = try graph.append(.matMul(transposeLeft: false, transposeRight: true), [parts[0], parts[1]])
        if spelling == .masked {
            let mask = try graph.append(
                .constant(random(Shape([1, 1, places, places]), seed: 77, -2...2)), [])
            scores = try graph.append(.binary(.add), [scores, mask])
        }
        var shares = try graph.append(.softmax(axis: graph.shape(scores).rank - 1), [scores])
        if spelling == .masked {
            let isLost = try graph.append(.predicate(.isNaN), [shares])
            shares = try graph.append(.select, [isLost, try constant(&graph, 0), shares])
        }
        var mixed = try graph.append(.matMul(transposeLeft: false, transposeRight: false), [shares, parts[2]])
        if spelling == .flat { mixed = try graph.append(.reshape(Shape([batch, heads, places, size])), [mixed]) }
        let back = try graph.append(.transpose([0, 2, 1, 3]), [mixed])
        let joined = try graph.append(.reshape(Shape([batch, places, width])), [back])
        let first = try graph.append(.binary(.add), [x, try linear(&graph, joined, width, width)])
        let hidden = try graph.append(
            .unary(.gelu), [try linear(&graph, try norm(&graph, first), width, 2 * width)])
        let second = try graph.append(.binary(.add), [try linear(&graph, hidden, 2 * width, width), first])
        let final = try norm(&graph, second)
        if readsOnePlace {
            let place = try graph.append(.slice(axis: 1, start: 2, count: 1), [final])
            let row = try graph.append(.reshape(Shape([batch, width])), [place])
            output = try linear(&graph, row, width, 4)
        } else {
            output = final
        }
        graph.addOutput("y", output)
    }

    /// The output if every value is fetched, so that nothing is fused.
    func plainOutput(_ x: Tensor) throws -> Tensor {
        let plan = try ExecutionPlan(graph, fetching: graph.values)
        plan.tensor(graph.inputs[0]).copy(from: x)
        plan.run()
        return plan.tensor(output)
    }

    var samples: Tensor {
        get throws { try random(graph.shape(graph.inputs[0]), seed: 99, -1...1) }
    }
}

/// The number of ops that a run needs and that are counted.
func count(_ graph: Graph, fetching: [ValueID], where isCounted: (Op) -> Bool) -> Int {
    let lifetimes = Lifetimes(of: graph, fetching: fetching, updates: [])
    return graph.values.count { lifetimes.isNeeded[$0.index] && isCounted(graph[$0].op) }
}

func isAttention(_ op: Op) -> Bool { if case .attention = op { true } else { false } }
func isSoftmax(_ op: Op) -> Bool { if case .softmax = op { true } else { false } }
