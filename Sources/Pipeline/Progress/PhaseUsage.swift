import JobContract

/// The time and memory of one phase.
struct PhaseUsage {
    let phase: CompressionPhase
    let seconds: Double
    /// The part of `seconds` spent in forward passes, without training steps.
    let forwardSeconds: Double
    /// The peak resident memory at the end of the phase.
    let peakMemoryBytes: Int

    var document: JSONValue {
        [
            "phase": .string(phase.rawValue), "seconds": .double(seconds), "forward_seconds": .double(forwardSeconds),
            "peak_memory_bytes": .int(peakMemoryBytes),
        ]
    }
}
