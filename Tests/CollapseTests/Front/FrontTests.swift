import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct FrontTests {
    private static func job(_ count: Int = 2) throws -> Collapsing {
        let graph = try residualNetwork(count)
        var job = Collapsing(graph, on: try inputs(600, [6], seed: 4).labelled(by: graph))
        job.options.replacements = []
        return job
    }

    @Test func `a front goes from the original to the smallest network`() throws {
        let job = try Self.job()
        let outcome = try job.run()
        #expect(outcome.points.count >= 8)
        let sizes = outcome.points.map(\.parameters)
        #expect(sizes == sizes.sorted(by: >))
        #expect(try #require(sizes.first) < job.graph.parameterCount)
        for point in outcome.points {
            #expect(point.graph.outputs.map(\.name) == job.graph.outputs.map(\.name))
            #expect(point.comparison != nil && point.predictedDamage != nil)
        }
    }

    @Test func `every choice of a site has the size that it says, and all channels give the same outputs`() throws {
        let graph = try residualNetwork(1)
        let data = try inputs(600, [6], seed: 4).labelled(by: graph)
        let samples = try Samples(data, calibrationCount: 400, keepsAll: false, seed: 0)
        let task = PredictionTask(of: graph, labels: data.labels, options: JobOptions())
        let heldOut = try HeldOut(samples.search, original: graph, task: task)
        let sites = Sites(in: graph).found
        let survey = SiteSurvey(
            original: graph, samples: samples, heldOut: heldOut, spectra: [:], families: nil, keeper: .none,
            isFinishing: { false }
        ) { _ in }
        let table = try survey.run(sites)
        var fit = PlanFit(of: graph, samples, heldOut, table, [:], .none)
        for entry in table.entries {
            let site = try #require(Sites(in: graph)[entry.site])
            #expect(!entry.rows.isEmpty)
            for row in entry.rows {
                let point = try fit.point([entry.site: row.choice], as: "", keptBefore: nil)
                let saved = site.size(in: graph) - site.size(of: row.choice, in: graph)
                #expect(graph.parameterCount - point.parameters == saved.parameters, "\(row.choice.words)")
                #expect(graph.macs - point.graph.macs == saved.macs, "\(row.choice.words)")
            }
        }
        // Nothing is lost with every channel kept.
        guard case .block(let block) = sites[0].kind else { return }
        let all = Array(0..<block.hidden)
        let second = block.secondLayer(all, in: graph)
        let bias = try #require(block.second.bias)
        let rewrites = try block.narrowed(
            to: all, second: .init(weight: second.transposed().tensor(), bias: graph.parameters[bias].tensor), path: [],
            in: graph)
        let same = try graph.replacing(rewrites)
        #expect(same.parameterCount == graph.parameterCount)
        expectClose(try logits(same, samples.search), try logits(graph, samples.search), within: 1e-5)
    }

    @Test func `a head of three layers may become one`() throws {
        var network = try Network(batch: 16, [6], seed: 5)
        try network.linear("fc1", 32)
        try network.unary(.relu, "act1")
        try network.linear("fc2", 32)
        try network.unary(.relu, "act2")
        try network.linear("fc3", 3)
        let graph = network.finished()
        var job = Collapsing(graph, on: try inputs(600, [6], seed: 4).labelled(by: graph))
        job.options.replacements = []
        let smallest = try #require(try job.run().points.last)
        #expect(smallest.parameters == 3 * 7)
        #expect(smallest.plan.values.allSatisfy { $0 == .affine })
    }

    @Test func `limits on the size are kept, and the nearest is told`() throws {
        var job = try Self.job()
        let whole = job.graph.parameterCount
        job.options.maxParameters = whole * 2 / 3
        var outcome = try job.run()
        #expect(try #require(outcome.chosen).parameters <= whole * 2 / 3)
        #expect(outcome.metBudget)
        job.options.maxParameters = nil
        job.options.maxMacs = job.graph.macs / 2
        outcome = try job.run()
        #expect(try #require(outcome.chosen).graph.macs <= job.graph.macs / 2)
        job.options.maxMacs = nil
        job.options.maxBytes = 4 * whole / 2
        outcome = try job.run()
        #expect(4 * (try #require(outcome.chosen).parameters) <= 4 * whole / 2)
        job.options.maxBytes = 1
        outcome = try job.run()
        #expect(!outcome.metBudget)
        #expect(outcome.admission.first?.option == "max_bytes")
        #expect(outcome.admission.first?.value == outcome.points.map { Double(4 * $0.parameters) }.min())
    }

    @Test func `a limit on the time is kept, and the nearest is told`() throws {
        var job = try Self.job()
        job.options.maxLatencyMs = 3_600_000
        var outcome = try job.run()
        #expect(outcome.metBudget)
        #expect(outcome.points.allSatisfy { ($0.nanoseconds ?? 0) > 0 })
        job.options.maxLatencyMs = 1e-6
        outcome = try job.run()
        #expect(!outcome.metBudget)
        #expect(outcome.admission.first?.option == "max_latency_ms")
        let least = try #require(outcome.points.compactMap(\.nanoseconds).min())
        #expect(outcome.admission.first?.value == Double(least) / 1e6)
        #expect(outcome.chosen?.nanoseconds == least)
    }

    @Test func `a time is measured once, also by a search that goes on`() throws {
        let job = try Self.job()
        let samples = try job.samples().search
        var kept: [String: Checkpoint] = [:]
        let keeper = CheckpointKeeper(
            find: { kept[$0] }, offer: { name, _, make in kept[name] = make() }, reject: { _, _ in })
        let product = RunTimer.Product(rows: 8, input: 5, output: 7, isActivated: true)
        let first = RunTimer(samples, keeper)
        let times = (try first.nanoseconds(of: job.graph), try first.nanoseconds(of: product))
        #expect(times.0 > 0 && times.1 > 0)
        #expect(try first.nanoseconds(of: job.graph) == times.0)
        let second = RunTimer(samples, keeper)
        #expect(try second.nanoseconds(of: job.graph) == times.0)
        #expect(try second.nanoseconds(of: product) == times.1)
    }

    @Test func `the products of a replacement have its multiply-adds`() throws {
        let graph = try Self.job().graph
        for site in Sites(in: graph).found {
            for choice in [nil] + site.choices(in: graph, families: nil).map(Optional.some) {
                let products = site.products(of: choice, batchSize: graph.batchSize)
                let macs = products.reduce(0) { $0 + $1.rows * $1.input * $1.output } / graph.batchSize
                #expect(macs == choice.map { site.size(of: $0, in: graph).macs } ?? site.size(in: graph).macs)
            }
        }
    }

    @Test func `without an allowed kind every site stays with the reason`() throws {
        var job = try Self.job()
        job.options.replacements = ["embedding"]
        let outcome = try job.run()
        #expect(outcome.collapsedCount == 0)
        #expect(outcome.layers.allSatisfy { $0.reason == "none of the replacements that may be used would be smaller" })
    }
}
