import JobContract

/// What a part of a compression took.
struct PhaseUsage {
    let phase: CompressionPhase
    let seconds: Double
    /// Of these, spent in running networks forward, without the steps of a training.
    let forwardSeconds: Double
    /// The most memory that was resident until its end.
    let peakMemoryBytes: Int

    var document: JSONValue {
        [
            "phase": .string(phase.rawValue), "seconds": .double(seconds), "forward_seconds": .double(forwardSeconds),
            "peak_memory_bytes": .int(peakMemoryBytes),
        ]
    }
}
