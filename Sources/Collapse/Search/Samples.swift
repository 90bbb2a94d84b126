import Compute
package import Model

/// The training samples, divided by purpose. Validation samples are not among them.
package struct Samples: Sendable {
    /// The samples to train on.
    package let training: Dataset
    /// The calibration samples, on which maps are fitted: a part of ``training``.
    package let calibration: Dataset
    /// The deciding samples, by which strengths, order and budget are decided: no part of ``training``.
    package let search: Dataset

    /// The maximum number of deciding samples; more would cost time and change nothing.
    static let searchLimit = 1000

    /// Divides a data set.
    ///
    /// - Parameters:
    ///   - dataset: at least two samples.
    ///   - calibrationCount: the number of samples to fit on.
    ///   - keepsAll: true to train on the whole data set in its order, including the deciding samples, for a method
    ///     that decides nothing by them.
    ///   - seed: selects the samples of each part.
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
