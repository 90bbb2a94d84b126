import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct SlopePathTests {
    /// Three blocks, of which the first to be taken differs by the order: block 1 is linear on the data.
    private static func job(_ order: JobOptions.Order = .measured, maxLayers: Int? = nil) throws -> Collapsing {
        var job = Collapsing(try residualNetwork(3, linear: [1]), on: try inputs(300, [6]))
        (job.options.method, job.options.finetune, job.options.order) = (.layercollapse, .selfDistill, order)
        (job.options.optimizer, job.options.steps, job.options.maxLayers) = (.adamw, 20, maxLayers)
        job.options.train = .collapsed
        return job
    }

    /// A run, and the layers whose slopes were trained in each step.
    private static func run(_ job: Collapsing) throws -> (outcome: Collapser.Outcome, steps: [[String]]) {
        var steps: [[String]] = []
        let outcome = try job.run { event in
            if case .step(let step) = event { steps.append(step.slopes.map(\.layer)) }
        }
        return (outcome, steps)
    }

    private static func names(_ blocks: [Int]) -> [String] { blocks.map { "blocks.\($0).fc1" } }

    /// Expects blocks to have the activations and the numbers of the original.
    private static func expectUntouched(_ blocks: [Int], in graph: Graph, as original: Graph) throws {
        for block in blocks {
            let found = try #require(Candidates(in: graph).found.first { $0.name == "blocks.\(block).fc1" })
            #expect(found.activation == .unary(.relu))
            for name in ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"].map({ "blocks.\(block).\($0)" }) {
                let numbers = [graph, original].map { graph in
                    graph.parameters.first { $0.name == name }?.tensor.floats
                }
                #expect(numbers[0] != nil && numbers[0] == numbers[1])
            }
        }
    }

    @Test(arguments: [
        (JobOptions.Order.measured, 1, [1]), (.fromEnd, 1, [2]), (.fromEnd, 2, [1, 2]),
    ])
    func `max_layers trains the blocks that come first, and leaves the others as they were`(
        order: JobOptions.Order, limit: Int, chosen: [Int]
    ) throws {
        let job = try Self.job(order, maxLayers: limit)
        let (outcome, steps) = try Self.run(job)
        #expect(Set(steps.flatMap(\.self)) == Set(Self.names(chosen)))
        #expect(outcome.layers.map(\.isCollapsed) == (0..<3).map(chosen.contains))
        let others = (0..<3).filter { !chosen.contains($0) }
        try Self.expectUntouched(others, in: outcome.graph, as: job.graph)
        for other in others {
            #expect(outcome.layers[other].slope == nil)
            #expect(outcome.layers[other].reason == "the budget is reached without it")
        }
    }

    @Test func `measured trains all blocks together, from_end one after the other`() throws {
        for order in JobOptions.Order.allCases {
            let (outcome, steps) = try Self.run(try Self.job(order))
            #expect(
                steps
                    == (order == .measured
                        ? [[String]](repeating: Self.names([0, 1, 2]), count: 20)
                        : Self.names([2, 1, 0]).flatMap { [[String]](repeating: [$0], count: 20) }))
            #expect(outcome.layers.allSatisfy { $0.isCollapsed && $0.bound != nil })
            #expect(outcome.layers.allSatisfy { abs(($0.slope ?? 0) - 1) < 0.05 })
        }
    }

    @Test func `measured goes by what each block does alone, which is reported`() throws {
        let (outcome, _) = try Self.run(try Self.job(maxLayers: 2))
        let alone = outcome.layers.compactMap(\.divergence)
        #expect(alone.count == 3)
        let worst = try #require(alone.indices.max { alone[$0] < alone[$1] })
        #expect(outcome.layers.map(\.isCollapsed) == (0..<3).map { $0 != worst })
    }

    @Test func `compression_ratio trains no more blocks than it needs`() throws {
        var job = try Self.job()
        let before = job.graph.parameterCount
        job.options.compressionRatio = Double(before) / Double(before - 2 * (24 * 7 + 6 * 25 - 6 * 7))
        let (outcome, steps) = try Self.run(job)
        #expect(outcome.collapsedCount == 2 && outcome.metBudget)
        #expect(Set(steps.map(\.count)) == [2])
    }

    @Test func `a limit on quality is kept by training fewer blocks`() throws {
        var job = try Self.job()
        job.options.maxDivergence = 0
        let none = try Self.run(job).outcome
        #expect(!none.metBudget)
        job.options.maxDivergence = 100
        #expect(try Self.run(job).outcome.collapsedCount == 3)
        // What the first block takes, and no more.
        job.options.maxLayers = 1
        let one = try #require(try Self.run(job).outcome.chosen?.comparison)
        (job.options.maxLayers, job.options.maxDivergence) = (nil, one.divergence.upper95 * 1.001)
        let (outcome, _) = try Self.run(job)
        #expect(outcome.metBudget)
        #expect(outcome.layers.map(\.isCollapsed) == [false, true, false])
        try Self.expectUntouched([0, 2], in: outcome.graph, as: job.graph)
    }

    /// A block that is nearly linear, and one that two steps do not make so.
    private static func unequal(steps: Int) throws -> Collapsing {
        var network = try Network(batch: 16, [5])
        for (name, slope) in [("near", Float(0.99)), ("far", 0)] {
            let stream = network.value
            try network.linear(name + ".up", 20)
            try network.prelu([slope], name + ".act")
            try network.linear(name + ".down", 5)
            try network.append(.binary(.add), [stream], name + ".sum")
        }
        var job = Collapsing(network.finished(), on: try inputs(200, [5]))
        (job.options.method, job.options.finetune) = (.layercollapse, .selfDistill)
        (job.options.optimizer, job.options.penalty, job.options.steps) = (.adamw, 20, steps)
        return job
    }

    @Test func `a slope within the threshold is trained all the same`() throws {
        var job = try Self.unequal(steps: 2)
        job.options.include = ["near.*"]
        job.options.maxLayers = 1
        let (outcome, steps) = try Self.run(job)
        #expect(steps == [["near.up"], ["near.up"]])
        let slope = try #require(outcome.layers[0].slope)
        #expect(slope > 0.99 && slope != Double(Float(0.99)))
        #expect(outcome.layers.map(\.isCollapsed) == [true, false])
    }

    @Test func `a block that does not reach the threshold stays as it was trained beside those that do`() throws {
        let job = try Self.unequal(steps: 2)
        let (outcome, _) = try Self.run(job)
        #expect(outcome.layers.map(\.isCollapsed) == [true, false])
        let slope = try #require(outcome.layers[1].slope)
        #expect(outcome.layers[1].reason == "its slope \(rounded(slope)) is not within 0.05 of the identity's slope, 1")
        let left = try #require(Candidates(in: outcome.graph).found.first)
        #expect(left.name == "far.up" && slope > 0 && left.slope(in: outcome.graph) == slope)
        // The weights are those of the training, in which the merged block took part.
        let weights = [outcome.graph, job.graph].map { graph in
            graph.parameters.first { $0.name == "far.up.weight" }?.tensor.floats
        }
        #expect(weights[0] != nil && weights[0] != weights[1])
        #expect(outcome.chosen?.parameters == outcome.graph.parameterCount)
    }

    @Test func `a ratio that a refused slope misses is told`() throws {
        var job = try Self.unequal(steps: 2)
        job.options.compressionRatio = 3
        let (outcome, _) = try Self.run(job)
        #expect(outcome.collapsedCount == 1)
        #expect(!outcome.metBudget)
        #expect(outcome.admission.map(\.option) == ["compression_ratio"])
    }

    @Test func `with no slope that arrives the network is the original`() throws {
        var job = try Self.unequal(steps: 1)
        job.options.exclude = ["near.*"]
        let (outcome, _) = try Self.run(job)
        #expect(outcome.collapsedCount == 0)
        #expect(outcome.chosen == nil)
        #expect(outcome.graph.numbers == job.graph.numbers)
    }
}
