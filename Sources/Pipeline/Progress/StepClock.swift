import Compute
import JobContract

/// Measures the speed of steps. The first step also warms caches and maps files, so it counts only when it is alone.
struct StepClock {
    private let batchSize: Int
    private let start = ContinuousClock.now
    private var first: (instant: ContinuousClock.Instant, samples: Int)?
    private var last: ContinuousClock.Instant?
    private var steps = 0
    private var samples = 0

    init(batchSize: Int) { self.batchSize = batchSize }

    /// Records the end of a step.
    mutating func stepEnded(samples count: Int) {
        let now = ContinuousClock.now
        if first == nil { first = (now, count) }
        last = now
        steps += 1
        samples += count
    }

    private var measured: (steps: Int, samples: Int, seconds: Double) {
        guard let first, let last else { return (0, 0, 0) }
        guard steps > 1 else { return (steps, samples, (last - start) / .seconds(1)) }
        return (steps - 1, samples - first.samples, (last - first.instant) / .seconds(1))
    }

    /// Seconds since the clock was created.
    var elapsedSeconds: Double { (ContinuousClock.now - start) / .seconds(1) }

    var samplesPerSecond: Double? {
        let measured = measured
        return measured.seconds > 0 ? Double(measured.samples) / measured.seconds : nil
    }

    /// The document written by `--timing`.
    var document: JSONValue {
        let measured = measured
        return [
            "samples_per_second": JSONValue(samplesPerSecond), "seconds": .double(measured.seconds),
            "steps": .int(measured.steps), "batch_size": .int(batchSize), "threads": .int(threadCount),
            "peak_memory_bytes": .int(ProcessUsage.peakMemoryBytes),
        ]
    }
}
