import Compute
import Model
import Options
import Testing

@testable import Collapse

/// Front searches that are killed and resumed, and ones that are ended between two units of their work.
@Suite struct InterruptedFrontTests {
    private static func job(finetune: JobOptions.Finetune = .selfDistill) throws -> Collapsing {
        var job = Collapsing(try residualNetwork(2, linear: [1], gain: 3), on: try inputs(300, [6]))
        job.options.replacements = []
        (job.options.finetune, job.options.maxDisagreement, job.options.steps) = (finetune, 0.2, 4)
        return job
    }

    /// All that a search tells, to the last bit.
    private struct Found: Equatable {
        let numbers: [[Float]]
        let points: [[[Float]]]
        let damages: [UInt64]
        let predicted: [UInt64]
        let alone: [UInt64]

        init(_ outcome: Collapser.Outcome) {
            numbers = outcome.graph.numbers
            points = outcome.points.map(\.graph.numbers)
            damages = outcome.points.map { ($0.damage ?? .nan).bitPattern }
            predicted = outcome.points.map { ($0.predictedDamage ?? .nan).bitPattern }
            alone = outcome.layers.flatMap { $0.alone.map(\.damage.bitPattern) }
        }
    }

    @Test func `a front search that is killed after any checkpoint ends with the same bits`() throws {
        let job = try Self.job()
        let memory = Checkpoints()
        let whole = Found(try job.run(keeper: memory.keeper))
        #expect(Found(try job.run()) == whole)
        #expect(whole.points.count > 4)
        let works = Set(memory.kept.keys)
        #expect(works.contains("survey"))
        #expect(works.count { $0.hasPrefix("point-") } >= whole.points.count)
        #expect(works.allSatisfy { Collapser.isSearch($0) != $0.hasPrefix("finetuning-") || $0 == "times" })
        #expect(works.contains { $0.hasPrefix("finetuning-") })
        for life in 0...memory.offers {
            let killed = Checkpoints(life: life)
            _ = try job.run(keeper: killed.keeper)
            #expect(Found(try job.run(keeper: Checkpoints(killed.kept).keeper)) == whole, "killed after \(life)")
        }
    }

    @Test func `what an earlier process kept is taken, and not computed again`() throws {
        let job = try Self.job(finetune: .none)
        let memory = Checkpoints()
        let whole = Found(try job.run(keeper: memory.keeper))

        let survey = try #require(memory.kept["survey"])
        var entry = try #require(survey.tensors["0"]).int64s
        // The damage of the first row, behind the sizes, the orders and the choice.
        let place = try #require(entry.firstIndex { whole.alone[0] == UInt64(bitPattern: $0) })
        entry[place] = (Double(bits: entry[place]) * 1.5).bits
        var changed = memory.kept
        changed["survey"] = Checkpoint(
            step: survey.step,
            tensors: survey.tensors.merging(["0": try Tensor(entry, Shape([entry.count]))]) { $1 })
        #expect(
            Double(bitPattern: Found(try job.run(keeper: Checkpoints(changed, accepts: false).keeper)).alone[0])
                == Double(bitPattern: whole.alone[0]) * 1.5)

        let work = try #require(memory.kept.keys.sorted().first { $0.hasPrefix("point-") })
        let point = try #require(memory.kept[work])
        let name = try #require(point.tensors.keys.sorted().first { $0.contains(".weight.") })
        let weight = try #require(point.tensors[name])
        changed = memory.kept
        changed[work] = Checkpoint(
            step: 1,
            tensors: point.tensors.merging([name: try Tensor(weight.floats.map { $0 + 1 }, weight.shape)]) { $1 })
        let other = Found(try job.run(keeper: Checkpoints(changed).keeper))
        #expect(other.points != whole.points && other.alone == whole.alone)
    }

    @Test func `a point of another plan is not taken`() throws {
        let job = try Self.job(finetune: .none)
        let memory = Checkpoints()
        let whole = Found(try job.run(keeper: memory.keeper))
        var changed = memory.kept
        let works = memory.kept.keys.sorted().filter { $0.hasPrefix("point-") }
        changed[works[0]] = memory.kept[works[1]]
        let reading = Checkpoints(changed, accepts: false)
        #expect(Found(try job.run(keeper: reading.keeper)) == whole)
        #expect(reading.rejected == [works[0]])
    }

    /// Runs a search that is to be finished from its `polls`-th question on.
    private static func finished(
        _ job: Collapsing, after polls: Int, _ memory: Checkpoints = Checkpoints()
    ) throws -> (outcome: Collapser.Outcome, polls: Int, steps: Int) {
        var (asked, steps) = (0, 0)
        let outcome = try job.run(
            keeper: memory.keeper, { if case .step = $0 { steps += 1 } },
            isFinishing: {
                asked += 1
                return asked > polls
            })
        return (outcome, asked, steps)
    }

    @Test func `a search that is finished between any two units has a valid point`() throws {
        let job = try Self.job()
        let whole = try Self.finished(job, after: .max)
        #expect(Found(whole.outcome) == Found(try job.run()))
        #expect(whole.polls > 10 && whole.steps >= 4)
        var known = 0
        for polls in 0...whole.polls {
            let (outcome, _, steps) = try Self.finished(job, after: polls)
            let chosen = try #require(outcome.chosen)
            #expect(!outcome.points.isEmpty && outcome.collapsedCount > 0)
            #expect(outcome.graph.parameterCount < job.graph.parameterCount)
            #expect(outcome.layers.allSatisfy { $0.isCollapsed != ($0.reason != nil) })
            #expect(outcome.points.count >= known && steps <= whole.steps)
            known = outcome.points.count
            // What it says of the network is what the network does.
            let held = try HeldOut(try job.samples().search, original: job.graph, task: job.task)
            let measured = try held.measured(outcome.graph).comparison
            #expect(measured.disagreements == chosen.comparison?.disagreements)
        }
        #expect(known == whole.outcome.points.count)
    }

    @Test func `the longer a search is left alone, the smaller the network within the budget`() throws {
        let job = try Self.job(finetune: .none)
        let whole = try Self.finished(job, after: .max)
        let sites = whole.outcome.layers.count
        var smallest = Int.max
        // From the end of the survey on: a table of fewer sites has other points.
        for polls in (sites - 1)...whole.polls {
            let outcome = try Self.finished(job, after: polls).outcome
            guard outcome.metBudget else {
                #expect(smallest == .max)
                continue
            }
            #expect(outcome.graph.parameterCount <= smallest)
            smallest = outcome.graph.parameterCount
        }
        #expect(smallest == whole.outcome.graph.parameterCount)
    }

    @Test func `a site that is not surveyed says so`() throws {
        let outcome = try Self.finished(try Self.job(), after: 0).outcome
        let reasons = outcome.layers.compactMap(\.reason)
        #expect(reasons.contains("the search was ended before it was tried"))
        #expect(outcome.points.count == 1)
    }

    @Test func `a search that is finished in a later process has the points of the earlier one`() throws {
        let job = try Self.job(finetune: .none)
        let memory = Checkpoints()
        let whole = try Self.finished(job, after: .max, memory)
        let outcome = try Self.finished(job, after: 0, Checkpoints(memory.kept)).outcome
        #expect(Found(outcome) == Found(whole.outcome))
    }

    @Test(arguments: ["ridge", "slopes"])
    func `the other searches end early as well`(name: String) throws {
        var job = Collapsing(try residualNetwork(3), on: try inputs(300, [6]))
        job.options.replacements = []
        (job.options.maxLayers, job.options.finetune, job.options.steps) = (3, .selfDistill, 4)
        if name == "slopes" { (job.options.method, job.options.threshold) = (.layercollapse, 2) }
        let whole = try Self.finished(job, after: .max)
        #expect(whole.steps > 0)
        for polls in 0...whole.polls {
            let (outcome, _, steps) = try Self.finished(job, after: polls)
            #expect(outcome.chosen != nil && outcome.collapsedCount > 0 && steps <= whole.steps)
        }
    }
}

/// Keeps the first `life` checkpoints and drops later ones, as if the process had been killed. A class, because the
/// compression and the test share it.
final class Checkpoints {
    var kept: [String: Checkpoint] = [:]
    private(set) var offers = 0
    private(set) var rejected: [String] = []
    private let life: Int
    private let accepts: Bool

    init(_ kept: [String: Checkpoint] = [:], life: Int = .max, accepts: Bool = true) {
        (self.kept, self.life, self.accepts) = (kept, life, accepts)
    }

    var keeper: CheckpointKeeper {
        CheckpointKeeper(
            find: { self.kept[$0] },
            offer: { work, _, take in
                self.offers += 1
                guard self.offers <= self.life else { return }
                let now = take()
                self.kept[work] = Checkpoint(
                    step: now.step, tensors: now.tensors.mapValues { (try? $0.clone()) ?? $0 }, figures: now.figures)
            },
            reject: {
                self.rejected.append($0)
                if self.accepts { Issue.record("\($0): \($1)") }
            })
    }
}
