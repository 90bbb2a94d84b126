import Compute
package import Model

/// The training samples, divided by what they serve. Those that a certificate counts are none of them.
package struct Samples: Sendable {
    /// Training sees these.
    package let training: Dataset
    /// Maps are fitted on these, a part of ``training``.
    package let calibration: Dataset
    /// Strengths, orders and budgets are decided on these, which are no part of ``training``.
    package let search: Dataset

    /// The most samples that decide; more would cost time and change nothing.
    static let searchLimit = 1000

    /// - Parameters:
    ///   - dataset: at least two samples.
    ///   - calibrationCount: how many to fit on.
    ///   - keepsAll: whether ``training`` is the whole data set in its order, deciding samples among it: for a method
    ///     that decides nothing by them.
    ///   - seed: which samples go where.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    package init(
        _ dataset: Dataset, calibrationCount: Int, keepsAll: Bool, seed: UInt64
    ) throws(ModelError) {
        precondition(dataset.count >= 2, "some samples to fit on, others to decide by")
        var random = SeededRandom(seed: seed ^ 0x5EED_5A3B)
        let order = random.shuffled(count: dataset.count)
        let decisive = min(Self.searchLimit, max(1, dataset.count / 5))
        search = try dataset.samples(order.prefix(decisive).sorted())
        let rest = order.dropFirst(decisive)
        training = keepsAll ? dataset : try dataset.samples(rest.sorted())
        calibration = try dataset.samples(rest.prefix(max(1, calibrationCount)).sorted())
    }
}
