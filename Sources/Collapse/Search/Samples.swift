import Compute
package import Model

/// The samples, divided by purpose. Those that certify are not among them.
package struct Samples: Sendable {
    /// The samples to train on.
    package let training: Dataset
    /// The calibration samples, on which maps are fitted: a part of ``training``.
    package let calibration: Dataset
    /// The deciding samples, by which strengths, order and budget are decided: no part of ``training``.
    package let search: Dataset

    /// Divides a data set.
    ///
    /// - Parameters:
    ///   - dataset: at least two samples.
    ///   - deciding: samples of another part of the data to decide by; nil to take them from the data set.
    ///   - calibrationCount: the number of samples to fit on.
    ///   - keepsAll: true to train on the whole data set in its order, including the deciding samples, for a method
    ///     that decides nothing by them.
    ///   - seed: selects the samples of each part.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    package init(
        _ dataset: Dataset, deciding: Dataset? = nil, calibrationCount: Int, keepsAll: Bool, seed: UInt64
    ) throws(ModelError) {
        precondition(dataset.count >= 2, "some samples to fit on, others to decide by")
        var random = SeededRandom(seed: seed ^ 0x5EED_5A3B)
        let order = random.shuffled(count: dataset.count)
        let decisive = deciding == nil ? Dataset.part(of: dataset.count) : 0
        if let deciding { search = deciding } else { search = try dataset.samples(order.prefix(decisive).sorted()) }
        let rest = order.dropFirst(decisive)
        training = keepsAll || decisive == 0 ? dataset : try dataset.samples(rest.sorted())
        calibration = try dataset.samples(rest.prefix(max(1, calibrationCount)).sorted())
    }
}

extension Dataset {
    /// The number of samples that decide, of `count` that the network has not been trained on.
    package static func decidingCount(of count: Int) -> Int { min(partLimit, count / 2) }

    /// Divides samples that the network has not been trained on: half of them, at most 2,000, decide, and the others
    /// certify.
    ///
    /// - Parameter seed: selects the samples.
    /// - Returns: both parts, in the order of the data set; nothing to decide by for a single sample.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    package func divided(seed: UInt64) throws(ModelError) -> (deciding: Dataset?, certifying: Dataset) {
        guard count > 1 else { return (nil, self) }
        var random = SeededRandom(seed: seed ^ 0xCE47_1F1E)
        let order = random.shuffled(count: count)
        let half = Self.decidingCount(of: count)
        return (try samples(order.prefix(half).sorted()), try samples(order.dropFirst(half).sorted()))
    }
}
