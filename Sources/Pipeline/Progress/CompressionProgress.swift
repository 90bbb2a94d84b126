import ByteText
import Collapse
import Foundation
import JobContract
import Model

/// Turns the course of a compression into events, and measures the time and memory of each phase. A class because it
/// keeps the current phase and the time of the last event.
final class CompressionProgress {
    private let emit: EventSink
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var phase: (phase: CompressionPhase, start: ContinuousClock.Instant, forwardSeconds: Double)?
    private var lastProgress: ContinuousClock.Instant?
    /// The largest overall fraction reported; a repeated phase does not lower it.
    private var furthest = 0.0
    private var steps: StepClock?
    /// Seconds spent by earlier processes of this job.
    private var earlierSeconds = 0.0
    /// The fraction of the phase that was done when this process started on it.
    private var firstFraction: Double?
    private(set) var spent: [PhaseUsage] = []
    private var hasPoint = false
    /// The course of the last training.
    private(set) var course = TrainingCourse()

    private static let interval = Duration.milliseconds(200)
    /// Approximate number of training steps reported; longer trainings report every n-th step.
    private static let metricsLimit = 1000

    init(emit: @escaping EventSink) {
        self.emit = emit
        start = clock.now
    }

    /// Seconds of the whole work, over all processes of this job.
    var elapsedSeconds: Double { earlierSeconds + (clock.now - start) / .seconds(1) }

    /// The values that a later process needs to report on the whole work.
    var figures: [String: Double] { ["fraction": furthest, "seconds": elapsedSeconds] }

    /// Resumes from the values of earlier checkpoints; the newest one has the largest values.
    func resume(from figures: [String: Double]) {
        if let fraction = figures["fraction"], fraction <= 1 { furthest = max(furthest, fraction) }
        if let seconds = figures["seconds"], seconds.isFinite { earlierSeconds = max(earlierSeconds, seconds) }
    }

    /// Reports to the supervisor that the work up to `step` is saved.
    func advance(_ work: String, step: Int) {
        emit(WorkEvent(.checkpoint, "\(work) step \(step)", data: ["work": .string(work), "step": .int(step)]))
    }

    func begin(_ next: CompressionPhase) {
        guard phase?.phase != next else { return }
        end()
        phase = (next, clock.now, ForwardTime.seconds)
        (lastProgress, steps, firstFraction) = (nil, nil, nil)
        emit(
            WorkEvent(
                .phase, next.rawValue,
                data: [
                    "phase": .string(next.rawValue), "phase_index": .int(next.index),
                    "phase_count": .int(CompressionPhase.allCases.count),
                ]))
    }

    /// Ends the current phase.
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

    /// The warnings so far, for the report.
    private(set) var warnings: [(code: String, message: String)] = []

    func warn(_ message: String, code: String) {
        warnings.append((code, message))
        emit(.warning(code: code, message: message))
    }

    func log(_ message: String) { emit(WorkEvent(.log, message)) }

    func take(_ event: CollapseEvent) {
        switch event {
        case .phase(let phase): begin(CompressionPhase(rawValue: phase.rawValue) ?? .search)
        case .progress(let done, let total): report(step: done, of: total)
        case .step(let step): take(step)
        case .layer(let layer):
            let fate = layer.isCollapsed ? "collapsed" : "kept: \(layer.reason ?? "")"
            emit(WorkEvent(.layer, "\(layer.name) \(layer.kind) \(fate)", data: layer.document))
        case .point(let point):
            if !hasPoint { emit(WorkEvent(.usable, "")) }
            hasPoint = true
            let distance = point.comparison.map { "  \($0.words)" } ?? ""
            log("\(point.layers) collapsed: \(NumberFormat.grouped(point.parameters)) parameters\(distance)")
        case .warning(let code, let message): warn(message, code: code)
        }
    }

    private func take(_ step: TrainingStep) {
        course.add(step)
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
        emit(
            WorkEvent(
                .metrics, "step \(step.step)/\(step.steps) loss \(NumberFormat.fixed(Double(step.loss), digits: 4))",
                data: .object(data)))
    }

    /// Reports progress at the start and the end of a phase, and at intervals between.
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
        emit(
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
