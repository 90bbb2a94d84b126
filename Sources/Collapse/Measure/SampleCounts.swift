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
    ///   - count: the number of samples that ``Samples`` divides.
    ///   - validation: the number of validation samples.
    ///   - options: the number of samples to fit on, and whether training uses all.
    package init(_ count: Int, validation: Int, _ options: JobOptions) {
        search = min(Samples.searchLimit, max(1, count / 5))
        training = options.decidesNothing ? count : max(0, count - search)
        calibration = min(max(1, options.calibrationSamples), max(0, count - search))
        self.validation = validation
    }

    /// The number of copied samples held at once.
    package var copies: Int { training + calibration + search }
}

extension JobOptions {
    /// True when the search decides nothing, so that training may use every sample.
    package var decidesNothing: Bool { method == .layercollapse && !hasBudget }
}
