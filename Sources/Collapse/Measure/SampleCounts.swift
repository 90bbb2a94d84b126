import Model
package import Options

/// The numbers of samples per purpose, before any is copied.
package struct SampleCounts: Sendable {
    package let training: Int
    package let calibration: Int
    package let search: Int
    package let validation: Int

    /// Computes the numbers.
    ///
    /// - Parameters:
    ///   - count: the number of training samples.
    ///   - deciding: the number of deciding samples of another part of the data; nil when they are training samples.
    ///   - certifying: the number of samples that only measure.
    ///   - options: the number of samples to fit on, and whether training uses all.
    package init(_ count: Int, deciding: Int? = nil, validation certifying: Int, _ options: JobOptions) {
        let taken = deciding == nil ? Dataset.part(of: count) : 0
        search = deciding ?? taken
        training = options.decidesNothing ? count : max(0, count - taken)
        calibration = min(max(1, options.calibrationSamples), max(0, count - taken))
        validation = certifying
    }

    /// The number of copied samples held at once.
    package var copies: Int { training + calibration + search }
}

extension JobOptions {
    /// True when the search decides nothing, so that training may use every sample.
    package var decidesNothing: Bool { method == .layercollapse && !hasBudget }
}
