package import Compute

/// Samples for a network: tensors that share their leading size.
package struct Dataset: Sendable {
    /// The samples `[samples, ...]` of each input, by its name.
    package var inputs: [String: Tensor]
    /// The labels `[samples, ...]`: int64 classes, or float32 targets.
    package var labels: Tensor?
    package let count: Int

    package init(inputs: [String: Tensor], labels: Tensor? = nil, count: Int) {
        precondition(inputs.values.allSatisfy { $0.shape.dimensions.first == count })
        precondition(labels.map { $0.shape.dimensions.first == count } ?? true)
        (self.inputs, self.labels, self.count) = (inputs, labels, count)
    }

    /// The maximum number of samples that decide, or that are held out; more would cost time and change little.
    package static let partLimit = 2000

    /// The number of samples that one part of a data set without splits gives away, to decide or to certify: a fifth,
    /// and 500 where there are so many.
    package static func part(of count: Int) -> Int { min(partLimit, max(1, count / 5, min(500, count / 4))) }

    /// The first of each set of samples with the same inputs, in order.
    ///
    /// - Parameter known: samples of which no copies are among them.
    /// - Returns: the indices of the samples.
    package func distinct(besides known: Dataset? = nil) -> [Int] {
        var seen = Set(known.map { $0.fingerprints } ?? [])
        return fingerprints.enumerated().filter { seen.insert($0.element).inserted }.map(\.offset)
    }

    /// A hash of the inputs of each sample, of 128 bits: equal ones are copies.
    private var fingerprints: [SIMD2<Int>] {
        let tensors = inputs.keys.sorted().compactMap { inputs[$0] }
        return (0..<count).map { row in
            var result = SIMD2<Int>()
            for salt in 0..<2 {
                var hasher = Hasher()
                hasher.combine(salt)
                for tensor in tensors {
                    tensor.rows(row..<(row + 1)).withBytes { bytes in
                        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
                    }
                }
                result[salt] = hasher.finalize()
            }
            return result
        }
    }

    /// A view of some consecutive samples.
    package func samples(_ range: Range<Int>) -> Dataset {
        Dataset(inputs: inputs.mapValues { $0.rows(range) }, labels: labels?.rows(range), count: range.count)
    }

    /// A copy of the chosen samples, in the given order.
    ///
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    package func samples(_ indices: [Int]) throws(ModelError) -> Dataset {
        var chosen: [String: Tensor] = [:]
        for (name, tensor) in inputs { chosen[name] = try tensor.gathering(indices) }
        let labels: Tensor? = if let labels { try labels.gathering(indices) } else { nil }
        return Dataset(inputs: chosen, labels: labels, count: indices.count)
    }
}

extension Tensor {
    fileprivate func gathering(_ indices: [Int]) throws(ModelError) -> Tensor {
        do {
            let result = try Tensor(type, zeros: shape.withRows(indices.count))
            copyRows(from: self, rows: indices, into: result)
            return result
        } catch {
            throw .compute(.memory(error))
        }
    }
}

/// The order of the samples in training steps, determined by the seed.
package struct BatchOrder {
    private let sampleCount: Int
    private let batchSize: Int
    private let isShuffled: Bool
    private let seed: UInt64

    /// Creates an order with batches that are at most as large as the data; a last partial one is dropped.
    package init(sampleCount: Int, batchSize: Int, isShuffled: Bool, seed: UInt64) {
        precondition(batchSize > 0 && batchSize <= sampleCount)
        (self.sampleCount, self.batchSize, self.isShuffled, self.seed) = (sampleCount, batchSize, isShuffled, seed)
    }

    package var stepsPerEpoch: Int { sampleCount / batchSize }

    /// The samples of the first steps, in their order.
    ///
    /// - Returns: nil when the steps see every sample that an epoch does.
    package func samples(ofSteps steps: Int) -> [Int]? {
        steps < stepsPerEpoch ? Array(permutation(epoch: 0).prefix(steps * batchSize)) : nil
    }

    /// The order of the samples in one epoch, the same at every call.
    package func permutation(epoch: Int) -> [Int] {
        guard isShuffled else { return Array(0..<sampleCount) }
        var random = SeededRandom(seed: seed &+ UInt64(epoch) &* 0x9E37_79B9_7F4A_7C15)
        return random.shuffled(count: sampleCount)
    }
}
