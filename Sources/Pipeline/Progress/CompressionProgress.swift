import Collapse
import Foundation
import JobContract
import Model

/// A class, because it remembers which phase it is in and when it last spoke. Turns what happens in a compression into events,
/// and keeps the time and the memory of each phase.
final class CompressionProgress {
    private let tell: EventSink
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var phase: (phase: CompressionPhase, start: ContinuousClock.Instant, forwardSeconds: Double)?
    private var lastProgress: ContinuousClock.Instant?
    /// The largest share of the whole that was told: a phase that comes again takes nothing back.
    private var furthest = 0.0
    private var steps: StepClock?
    /// What processes before this one spent.
    private var earlierSeconds = 0.0
    /// The share of the phase that was done when this process came to it.
    private var firstFraction: Double?
    private(set) var spent: [PhaseUsage] = []

    private static let interval = Duration.milliseconds(200)
    /// Steps of a training that are told one by one; of a longer one, so many.
    private static let metricsLimit = 1000

    init(tell: @escaping EventSink) {
        self.tell = tell
        start = clock.now
    }

    /// Of the whole work, whatever process did it.
    var elapsedSeconds: Double { earlierSeconds + (clock.now - start) / .seconds(1) }

    /// What a process after this one has to know to tell of the whole.
    var figures: [String: Double] { ["fraction": furthest, "seconds": elapsedSeconds] }

    /// Takes up what an earlier process left; of several checkpoints the newest has the largest figures.
    func goOn(from figures: [String: Double]) {
        if let fraction = figures["fraction"], fraction <= 1 { furthest = max(furthest, fraction) }
        if let seconds = figures["seconds"], seconds.isFinite { earlierSeconds = max(earlierSeconds, seconds) }
    }

    /// Tells the supervisor that the work until here is safe.
    func advance(_ work: String, step: Int) {
        tell(WorkEvent(.checkpoint, "\(work) step \(step)", data: ["work": .string(work), "step": .int(step)]))
    }

    func begin(_ next: CompressionPhase) {
        guard phase?.phase != next else { return }
        end()
        phase = (next, clock.now, ForwardTime.seconds)
        (lastProgress, steps, firstFraction) = (nil, nil, nil)
        tell(
            WorkEvent(
                .phase, next.rawValue,
                data: [
                    "phase": .string(next.rawValue), "phase_index": .int(next.index),
                    "phase_count": .int(CompressionPhase.allCases.count),
                ]))
    }

    /// Ends the phase that is under way.
    func end() {
        guard let phase else { return }
        report(step: 1, of: 1)
        spent.append(
            PhaseUsage(
                phase: phase.phase, seconds: (clock.now - phase.start) / .seconds(1),
                forwardSeconds: ForwardTime.seconds - phase.forwardSeconds,
                peakMemoryBytes: ProcessUsage.peakMemoryBytes))
        self.phase = nil
    }

    /// What was warned of so far, for the report.
    private(set) var warnings: [(code: String, message: String)] = []

    func warn(_ message: String, code: String) {
        warnings.append((code, message))
        tell(.warning(code: code, message: message))
    }

    func log(_ message: String) { tell(WorkEvent(.log, message)) }

    func take(_ event: CollapseEvent) {
        switch event {
        case .phase(let phase): begin(CompressionPhase(rawValue: phase.rawValue) ?? .search)
        case .progress(let done, let total): report(step: done, of: total)
        case .step(let step): take(step)
        case .layer(let layer):
            let fate = layer.isCollapsed ? "collapsed" : "kept: \(layer.reason ?? "")"
            tell(WorkEvent(.layer, "\(layer.name) \(layer.kind) \(fate)", data: layer.document))
        case .point(let point):
            let distance =
                point.comparison.map { "  disagreement \(NumberFormat.fixed($0.disagreement, digits: 4))" } ?? ""
            log("\(point.layers) collapsed: \(NumberFormat.grouped(point.parameters)) parameters\(distance)")
        case .warning(let code, let message): warn(message, code: code)
        }
    }

    private func take(_ step: TrainingStep) {
        if steps == nil { steps = StepClock(batchSize: step.batchSize) }
        steps?.stepEnded(samples: step.batchSize)
        report(step: step.step, of: step.steps, samplesPerSecond: steps?.samplesPerSecond)
        let stride = max(1, step.steps / Self.metricsLimit)
        guard step.step.isMultiple(of: stride) || step.step == step.steps else { return }
        var data: JSONValue.Object = JSONValue.Object([
            ("step", .int(step.step)), ("epoch", .double(Double(step.step) / Double(max(1, step.stepsPerEpoch)))),
            ("phase", .string(phase?.phase.rawValue ?? "")), ("train_loss", .double(Double(step.loss))),
            ("lr", .double(Double(step.learningRate))),
        ])
        for (layer, slope) in step.slopes { data["slope.\(layer)"] = .double(Double(slope)) }
        tell(
            WorkEvent(
                .metrics, "step \(step.step)/\(step.steps) loss \(NumberFormat.fixed(Double(step.loss), digits: 4))",
                data: .object(data)))
    }

    /// Speaks at the start of a phase, at its end, and now and then between.
    private func report(step: Int, of steps: Int, samplesPerSecond: Double? = nil) {
        let now = clock.now
        guard let phase, step >= steps || lastProgress.map({ now - $0 >= Self.interval }) ?? true else { return }
        lastProgress = now
        let fraction = steps > 0 ? Double(step) / Double(steps) : 0
        furthest = max(furthest, phase.phase.overall(fraction))
        let first = firstFraction ?? (steps > 0 ? Double(step - 1) / Double(steps) : 0)
        firstFraction = first
        let pace = fraction > first ? ((now - phase.start) / .seconds(1)) / (fraction - first) : nil
        let remaining = pace.map { $0 * (1 - fraction) }
        tell(
            WorkEvent(
                .progress, "\(phase.phase.rawValue) \(step)/\(steps)",
                data: [
                    "fraction": .double(furthest), "phase": .string(phase.phase.rawValue),
                    "phase_index": .int(phase.phase.index), "phase_count": .int(CompressionPhase.allCases.count),
                    "step": .int(step), "steps": .int(steps), "samples_per_second": JSONValue(samplesPerSecond),
                    "eta_seconds": JSONValue(remaining), "updated_at": .int(Int(Date.now.timeIntervalSince1970)),
                ]))
    }
}
