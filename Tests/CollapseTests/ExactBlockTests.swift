import Compute
import Model
import Options
import Testing

@testable import Collapse

/// Networks of one exact block, with its kind.
private let blocks = [
    Between("two layers in a row", "Linear-Linear (exact)") { network in
        try network.linear("fc1", 9)
        try network.linear("fc2", 3)
    },
    Between("three, without biases", "Linear-Linear-Linear (exact)") { network in
        try network.linear("fc1", 9, bias: .none)
        try network.linear("fc2", 8, isOutByIn: false, bias: .none)
        try network.linear("fc3", 3, bias: .none)
    },
    Between("through reshapes, with biases that are sums", "Linear-Linear (exact)") { network in
        try network.linear("fc1", 9, bias: .addedRight)
        try network.append(.reshape(Shape([28, 9])), "rows")
        try network.append(.reshape(Shape([4, 7, 9])), "back")
        try network.linear("fc2", 3, isOutByIn: false, bias: .addedLeft)
    },
    Between("a BatchNorm behind", "Linear-BatchNorm (exact)") { network in
        try network.append(.reshape(Shape([28, 5])), "rows")
        try network.linear("fc1", 9)
        try network.batchNorm()
    },
    Between("a BatchNorm in front", "BatchNorm-Linear (exact)") { network in
        try network.append(.reshape(Shape([28, 5])), "rows")
        try network.batchNorm()
        try network.linear("fc1", 9, isOutByIn: false)
    },
    Between("constants on either side", "Scale-Shift-Linear-Scale (exact)") { network in
        try network.append(.binary(.multiply), [network.parameter("scale", network.numbers([5]))], "scaled")
        try network.append(.binary(.subtract), [network.parameter("shift", network.numbers([5]))], "shifted")
        try network.linear("fc1", 9, bias: .addedRight)
        let half = try network.graph.append(.constant(Tensor([Float(2)], .scalar)), [])
        try network.append(.binary(.divide), [half], "halved")
    },
    Between("a LoRA branch", "Linear-Linear-Linear-Scale-Sum (exact)") { network in
        let x = network.value
        let base = try network.linear("base", 6)
        network.value = x
        try network.linear("a", 2, bias: .none)
        try network.linear("b", 6, isOutByIn: false, bias: .none)
        try network.append(.binary(.multiply), [network.parameter("alpha", network.numbers([1]))], "scaled")
        try network.append(.binary(.add), [base], "sum")
    },
    Between("the difference of two layers", "Linear-Linear-Sum (exact)") { network in
        let x = network.value
        let one = try network.linear("one", 4)
        network.value = x
        let other = try network.linear("other", 4, isOutByIn: false)
        network.value = one
        try network.append(.binary(.subtract), [other], "difference")
    },
]

@Suite struct ExactBlockTests {
    @Test(arguments: blocks)
    func `ops without an activation become one layer that computes the same`(block: Between) throws {
        var network = try Network([7, 5])
        try block.build(&network)
        try expectExact(network.finished(), block.said, on: try inputs(24, [7, 5]))
    }

    @Test(arguments: [true, false])
    func `convolutions of single pixels likewise`(hasNorm: Bool) throws {
        var network = try Network([5, 3, 2])
        try network.pointwise("conv1", 9, bias: hasNorm ? .operand : .addedRight)
        if hasNorm { try network.batchNorm() }
        if !hasNorm { try network.pointwise("conv2", 4) }
        let kind = hasNorm ? "Linear-BatchNorm (exact)" : "Linear-Linear (exact)"
        try expectExact(network.finished(), kind, on: try inputs(24, [5, 3, 2]))
    }

    private func expectExact(_ graph: Graph, _ kind: String, on data: Dataset) throws {
        let (merged, found) = try graph.mergedExactly(JobOptions())
        #expect(found.map(\.kind) == [kind])
        let block = try #require(found.first)
        #expect(
            block.profit
                == Profit(
                    parametersBefore: graph.parameterCount, parametersAfter: merged.parameterCount,
                    macsBefore: graph.macs,
                    macsAfter: merged.macs))
        #expect(block.profit.saving >= 0 && merged.macs <= graph.macs)
        #expect(merged.values.count { !merged.isKnown($0) } < graph.values.count { !graph.isKnown($0) })
        expectClose(try logits(merged, data), try logits(graph, data))
        let counted = try graph.mergedExactly(JobOptions(), isComputed: false).graph
        #expect((counted.parameterCount, counted.macs) == (merged.parameterCount, merged.macs))
    }

    @Test(arguments: [
        Between(
            "a bottleneck",
            "fc1: no activation stands between it and 'fc2', and one layer for both would not be smaller"
        ) {
            try $0.linear("fc1", 2)
            try $0.linear("fc2", 9)
        },
        Between("a skip connection", "fc1: a sum with another value stands between it and the next linear layer") {
            network in
            let x = network.value
            try network.linear("fc1", 5)
            try network.append(.binary(.add), [x], "sum")
            try network.unary(.relu)
            try network.linear("fc2", 4)
        },
        Between("a result that is read elsewhere", "fc1: several operations read its result") { network in
            let hidden = try network.linear("fc1", 9)
            try network.linear("aside", 2)
            network.graph.addOutput("aside", network.value)
            network.value = hidden
            try network.linear("fc2", 3)
        },
        Between("a constant of each position", "fc1: it is the last linear layer: a sum with constants follows") {
            network in
            try network.linear("fc1", 9)
            try network.append(.binary(.add), [network.parameter("places", network.numbers([7, 9]))], "sum")
        },
        Between("a layer alone", "fc1: it is the last layer: its result is an output") {
            try $0.linear("fc1", 9, bias: .addedRight)
        },
    ])
    func `what would not be smaller, or the same, stays`(block: Between) throws {
        var network = try Network([7, 5])
        try block.build(&network)
        let graph = network.finished()
        #expect(try graph.mergedExactly(JobOptions()).blocks.isEmpty)
        let refused = Candidates(in: graph).refusals.first
        #expect(refused.map { "\($0.name): \($0.reason)" } == block.said)
    }

    @Test func `layers whose product is beyond any float stay`() throws {
        var network = try Network([6])
        for name in ["fc1", "fc2"] {
            try network.linear(name, 9)
            let weight = try #require(network.graph.parameterIndex(network.graph[network.value].operands[1]))
            let shape = network.graph.parameters[weight].tensor.shape
            network.graph.setParameter(
                weight, try Tensor([Float](repeating: 1e30, count: shape.elementCount), shape))
        }
        #expect(try network.finished().mergedExactly(JobOptions()).blocks.isEmpty)
    }

    @Test func `blocks are replaced together, also where one reads the result of another`() throws {
        var network = try Network([6])
        for index in 0..<3 {
            try network.linear("one\(index)", 9)
            try network.linear("two\(index)", 6)
            if index > 0 { try network.unary(.tanh, "act\(index)") }
            // A second reader ends a block.
            let value = network.value
            try network.append(.reduce(.mean, axes: [1], keepsAxes: false), "mean\(index)")
            network.graph.addOutput("mean\(index)", network.value)
            network.value = value
        }
        let graph = network.finished()
        let (merged, found) = try graph.mergedExactly(JobOptions())
        #expect(found.map(\.name) == ["one0", "one1", "one2"])
        #expect(merged.parameterCount == 3 * 42)
        let data = try inputs(24, [6])
        for (before, after) in zip(graph.outputs, merged.outputs) {
            #expect(before.name == after.name)
            expectClose(
                try merged.outputs(of: after.value, for: data), try graph.outputs(of: before.value, for: data))
        }
    }

    @Test func `a weight that another layer reads stays beside the merged one, which then does not pay`() throws {
        var network = try Network([5])
        try network.linear("fc1", 6)
        try network.linear("fc2", 5)
        let weight = try #require(network.graph.values.first { network.graph[$0].name == "fc1.weight" })
        try network.unary(.relu)
        try network.append(.matMul(transposeLeft: false, transposeRight: true), [weight], "again")
        // 30 + 6 + 30 + 5 parameters lose 41 and gain 30.
        let (merged, found) = try network.finished().mergedExactly(JobOptions())
        #expect(found.map(\.profit.saving) == [11])
        #expect(merged.parameterCount == network.graph.parameterCount - 11)
    }

    @Test func `without data they are merged too, and what include and exclude leave out is not`() throws {
        var network = try Network([5])
        try network.linear("fc1", 9)
        try network.linear("fc2", 3)
        let graph = network.finished()
        var options = JobOptions()
        options.method = .merge
        let task = PredictionTask(of: graph)
        let outcome = try Collapser(graph, task: task, samples: nil, options: options) { _ in }.run()
        #expect(outcome.layers.map(\.kind) == ["Linear-Linear (exact)"])
        #expect(outcome.collapsedCount == 1 && outcome.metBudget && outcome.chosen == nil)
        #expect(outcome.graph.parameterCount == 18)
        options.exclude = ["fc1"]
        let left = try Collapser(graph, task: task, samples: nil, options: options) { _ in }.run()
        #expect(left.collapsedCount == 0 && left.graph.parameterCount == graph.parameterCount)
    }

    @Test func `where nothing else keeps the budget the exact merges are the result`() throws {
        var network = try Network([6])
        try network.linear("fc1", 20)
        try network.linear("fc2", 12)
        try network.unary(.relu)
        try network.linear("fc3", 5)
        var job = Collapsing(network.finished(), on: try inputs(300, [6]))
        (job.options.maxDisagreement, job.options.finetune) = (0, .none)
        let outcome = try job.run()
        #expect(outcome.metBudget)
        #expect(outcome.layers.map(\.isCollapsed) == [true, false])
        expectClose(try logits(outcome.graph, job.samples().search), try logits(job.graph, job.samples().search))
    }
}
