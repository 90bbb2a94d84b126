import JobContract

/// The phases of a compression, in order.
enum CompressionPhase: String, CaseIterable {
    case validating, baseline, calibrating, search, finetuning, verifying, exporting

    /// The approximate share of the total time, in percent.
    private var share: Int {
        switch self {
        case .validating, .exporting: 2
        case .baseline, .verifying: 8
        case .calibrating: 10
        case .search: 25
        case .finetuning: 45
        }
    }

    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The overall progress when `fraction` of this phase is done.
    func overall(_ fraction: Double) -> Double {
        let before = Self.allCases.prefix(index).reduce(0) { $0 + $1.share }
        let all = Self.allCases.reduce(0) { $0 + $1.share }
        return (Double(before) + min(max(fraction, 0), 1) * Double(share)) / Double(all)
    }
}
