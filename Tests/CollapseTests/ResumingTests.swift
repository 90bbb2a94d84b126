import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct ResumingTests {
    /// Keeps the first `life` checkpoints and drops later ones, as if the process had been killed. A class, because the
    /// compression and the test share it.
    private final class Memory {
        var kept: [String: Checkpoint] = [:]
        private(set) var offers = 0
        private let life: Int

        init(_ kept: [String: Checkpoint] = [:], life: Int = .max) { (self.kept, self.life) = (kept, life) }

        var keeper: CheckpointKeeper {
            CheckpointKeeper(
                find: { self.kept[$0] },
                offer: { work, _, take in
                    self.offers += 1
                    guard self.offers <= self.life else { return }
                    let now = take()
                    self.kept[work] = Checkpoint(
                        step: now.step, tensors: now.tensors.mapValues { (try? $0.clone()) ?? $0 }, figures: now.figures
                    )
                },
                reject: { Issue.record("\($0): \($1)") })
        }
    }

    /// Runs a compression.
    ///
    /// - Returns: the parameters of the resulting network, and the number of steps.
    private static func run(_ job: Collapsing, _ memory: Memory) throws -> (numbers: [[Float]], steps: Int) {
        var steps = 0
        let outcome = try job.run(keeper: memory.keeper) { event in
            if case .step = event { steps += 1 }
        }
        #expect(outcome.collapsedCount > 0)
        return (outcome.graph.numbers, steps)
    }

    private static func ridge() throws -> Collapsing {
        var job = Collapsing(try residualNetwork(3, linear: [1], gain: 3), on: try inputs(300, [6]))
        // A budget so tight that the larger collapses are trained and rejected.
        (job.options.finetune, job.options.maxDisagreement, job.options.steps) = (.selfDistill, 0.05, 7)
        return job
    }

    private static func slopes(_ order: JobOptions.Order) throws -> Collapsing {
        var job = Collapsing(try residualNetwork(3), on: try inputs(64, [6]))
        (job.options.method, job.options.finetune, job.options.order) = (.layercollapse, .selfDistill, order)
        (job.options.steps, job.options.threshold, job.options.optimizer) = (9, 2, .adamw)
        return job
    }

    @Test(arguments: ["ridge", "slopes", "slopes from the end"])
    func `a compression that is killed after any step ends with the same bits`(name: String) throws {
        let job =
            switch name {
            case "ridge": try Self.ridge()
            case "slopes": try Self.slopes(.measured)
            default: try Self.slopes(.fromEnd)
            }
        let whole = try Self.run(job, Memory())
        let plain = try job.run()
        #expect(plain.graph.numbers == whole.numbers)
        #expect(whole.steps >= (name == "slopes" ? 9 : 14))
        for life in 0...whole.steps {
            let killed = Memory(life: life)
            _ = try Self.run(job, killed)
            let rest = try Self.run(job, Memory(killed.kept))
            #expect(rest.numbers == whole.numbers)
            #expect(rest.steps == whole.steps - life)
        }
    }

    @Test func `a compression that is killed again and again ends with the same bits`() throws {
        let job = try Self.slopes(.fromEnd)
        let whole = try Self.run(job, Memory())
        var kept: [String: Checkpoint] = [:]
        for _ in 0..<10 {
            let memory = Memory(kept, life: 2)
            _ = try Self.run(job, memory)
            kept = memory.kept
        }
        let last = try Self.run(job, Memory(kept))
        #expect(last.numbers == whole.numbers)
        #expect(last.steps == whole.steps - 20)
    }
}
