import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct ResumingTests {
    /// Runs a compression.
    ///
    /// - Returns: the parameters of the resulting network, and the number of steps.
    private static func run(_ job: Collapsing, _ memory: Checkpoints) throws -> (numbers: [[Float]], steps: Int) {
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
        let whole = try Self.run(job, Checkpoints())
        let plain = try job.run()
        #expect(plain.graph.numbers == whole.numbers)
        #expect(whole.steps >= (name == "slopes" ? 9 : 14))
        for life in 0...whole.steps {
            let killed = Checkpoints(life: life)
            _ = try Self.run(job, killed)
            let rest = try Self.run(job, Checkpoints(killed.kept))
            #expect(rest.numbers == whole.numbers)
            #expect(rest.steps == whole.steps - life)
        }
    }

    @Test func `a compression that is killed again and again ends with the same bits`() throws {
        let job = try Self.slopes(.fromEnd)
        let whole = try Self.run(job, Checkpoints())
        var kept: [String: Checkpoint] = [:]
        for _ in 0..<10 {
            let memory = Checkpoints(kept, life: 2)
            _ = try Self.run(job, memory)
            kept = memory.kept
        }
        let last = try Self.run(job, Checkpoints(kept))
        #expect(last.numbers == whole.numbers)
        #expect(last.steps == whole.steps - 20)
    }
}
