import Testing

@testable import Collapse
@testable import JobContract
@testable import Pipeline

@Suite struct ProgressTests {
    /// The events of a compression that runs a script.
    private static func events(_ script: (CompressionProgress) -> Void) -> [WorkEvent] {
        var heard: [WorkEvent] = []
        let progress = CompressionProgress { heard.append($0) }
        script(progress)
        return heard
    }

    private static func fractions(_ events: [WorkEvent]) -> [Double] {
        events.filter { $0.kind == .progress }.compactMap { $0.data["fraction"]?.double }
    }

    private static func step(_ step: Int, of steps: Int) -> CollapseEvent {
        .step(
            TrainingStep(
                step: step, steps: steps, stepsPerEpoch: 4, batchSize: 16, loss: 0.5, learningRate: 0.25,
                slopes: [("fc1", 0.125)]))
    }

    @Test func `the phases are those of the interface, and each takes a part of the whole`() {
        let phases = CompressionPhase.allCases
        #expect(
            phases.map(\.rawValue) == [
                "validating", "baseline", "calibrating", "search", "finetuning", "verifying", "exporting",
            ])
        #expect(phases.map(\.index) == Array(0..<7))
        #expect(phases[0].overall(0) == 0)
        #expect(phases[6].overall(1) == 1)
        for (one, next) in zip(phases, phases.dropFirst()) {
            #expect(one.overall(0) < one.overall(0.5))
            #expect(one.overall(0.5) < one.overall(1))
            #expect(one.overall(1) == next.overall(0))
        }
        #expect(phases[2].overall(-1) == phases[2].overall(0))
        #expect(phases[2].overall(7) == phases[2].overall(1))
    }

    @Test func `phases that come again take nothing back`() {
        let heard = Self.events { progress in
            progress.begin(.validating)
            progress.begin(.baseline)
            // The paper's method trains before it merges; a missed budget trains once more.
            progress.take(.phase(.finetuning))
            for step in 1...5 { progress.take(Self.step(step, of: 5)) }
            progress.take(.phase(.search))
            progress.take(.progress(done: 1, of: 2))
            progress.take(.progress(done: 2, of: 2))
            for _ in 0..<3 {
                progress.take(.phase(.finetuning))
                for step in 1...5 { progress.take(Self.step(step, of: 5)) }
            }
            progress.begin(.verifying)
            progress.begin(.exporting)
            progress.end()
        }
        let fractions = Self.fractions(heard)
        #expect(fractions.count >= 10)
        #expect(fractions == fractions.sorted())
        #expect(fractions.last == 1)
        #expect(
            heard.filter { $0.kind == .phase }.map(\.message) == [
                "validating", "baseline", "finetuning", "search", "finetuning", "verifying", "exporting",
            ])
        for event in heard where event.kind == .progress {
            #expect(event.data["phase_count"] == 7)
            #expect(event.data["phase"]?.string.map { event.message.hasPrefix($0) } == true)
        }
    }

    @Test func `time and memory are kept by phase`() {
        let progress = CompressionProgress { _ in }
        progress.begin(.validating)
        progress.begin(.validating)
        progress.begin(.search)
        progress.end()
        progress.end()
        #expect(progress.spent.map(\.phase) == [.validating, .search])
        #expect(progress.spent.allSatisfy { $0.seconds >= 0 && $0.peakMemoryBytes > 0 })
    }

    @Test func `a step says what the metrics of the interface have`() throws {
        let heard = Self.events { progress in
            progress.begin(.finetuning)
            progress.take(Self.step(2, of: 8))
        }
        let metrics = try #require(heard.first { $0.kind == .metrics })
        #expect(metrics.message == "step 2/8 loss 0.5000")
        #expect(
            metrics.data == [
                "step": 2, "epoch": 0.5, "phase": "finetuning", "train_loss": 0.5, "lr": 0.25, "slope.fc1": 0.125,
            ])
    }

    @Test(arguments: [(1, 1), (999, 999), (1000, 1000), (2500, 1250), (100_000, 1000)])
    func `a long training is told in a thousand steps or so, its last among them`(steps: Int, told: Int) {
        let heard = Self.events { progress in
            progress.begin(.finetuning)
            for step in 1...steps { progress.take(Self.step(step, of: steps)) }
        }
        let metrics = heard.filter { $0.kind == .metrics }
        #expect(metrics.count == told)
        #expect(metrics.last?.data["step"] == .int(steps))
    }

    @Test func `warnings keep their code`() throws {
        let heard = Self.events { $0.take(.warning(code: "lossy_activation", message: "moves")) }
        let warning = try #require(heard.first)
        #expect((warning.kind, warning.level, warning.message) == (.warning, "warning", "moves"))
        #expect(warning.data == ["code": "lossy_activation"])
    }
}
