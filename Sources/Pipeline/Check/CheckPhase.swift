import JobContract

/// The phases of a check, in order.
enum CheckPhase: String, CaseIterable {
    case validating, baseline, comparing, timing

    /// The event of the beginning of the phase.
    var event: WorkEvent {
        let index = Self.allCases.firstIndex(of: self) ?? 0
        let count = Self.allCases.count
        return WorkEvent(
            .phase, rawValue,
            data: [
                "phase": .string(rawValue), "phase_index": .int(index), "phase_count": .int(count),
                "fraction": .double(Double(index) / Double(count)),
            ])
    }
}
