/// How many samples serve what, before any is copied.
package struct SampleCounts: Sendable {
    package let training: Int
    package let calibration: Int
    package let search: Int
    package let validation: Int

    /// - Parameters:
    ///   - count: of the samples that ``Samples`` divides.
    ///   - validation: of those that decide nothing.
    ///   - options: how many to fit on, and whether training sees them all.
    package init(_ count: Int, validation: Int, _ options: CompressionOptions) {
        search = min(Samples.searchLimit, max(1, count / 5))
        training = options.decidesNothing ? count : max(0, count - search)
        calibration = min(max(1, options.calibrationSamples), max(0, count - search))
        self.validation = validation
    }

    /// Copies of samples that are held at once.
    package var copies: Int { training + calibration + search }
}

extension CompressionOptions {
    /// Whether the search has nothing to decide, so that training may see every sample.
    package var decidesNothing: Bool { method == .layercollapse && !hasBudget }
}
