import Compute
import Glibc

/// The rows of an output of two networks: all places of all samples, with the classes, tags or features of each together.
struct OutputRows {
    private let left: [Float]
    private let right: [Float]
    private let width: Int
    private let samples: Int
    private let count: Int
    private let rowsPerSample: Int
    /// The rows that count; nil if all do.
    private let counts: [Bool]?
    /// The number of rows that count.
    private let countedRows: Int

    /// - Parameters:
    ///   - original: an output of the original, `[samples, ..., features, ...]`.
    ///   - other: the same output of the other network, of the same shape.
    ///   - axis: the axis of the features; nil to take each value as a row of its own.
    ///   - mask: `[samples, positions]` of bool: the rows that count, if there is one for each position.
    ///   - samples: the number of samples.
    init(_ original: Tensor, _ other: Tensor, axis: Int?, counting mask: Tensor?, samples: Int) {
        (left, right) = (original.rows(along: axis), other.rows(along: axis))
        (width, self.samples) = (axis.map { original.shape.rank > 1 ? original.shape[$0] : 1 } ?? 1, samples)
        let count = left.count / max(1, width)
        (self.count, rowsPerSample) = (count, max(1, count / max(1, samples)))
        guard let mask, axis == original.shape.rank - 1, original.hasRow(forEachPlaceOf: mask) else {
            (counts, countedRows) = (nil, count)
            return
        }
        // Behind the positions, a place may have several rows.
        let rowsPerPosition = max(1, count / max(1, mask.shape.elementCount))
        let positions = mask.bools
        let counts = (0..<count).map { positions[$0 / rowsPerPosition] }
        (self.counts, countedRows) = (counts, counts.count { $0 })
    }

    /// The rows that count.
    private var places: LazyFilterSequence<Range<Int>> { (0..<count).lazy.filter { counts?[$0] ?? true } }

    /// The number of answers among the rows: one a row, or one a tag.
    func answerCount(ofTags: Bool) -> Int { countedRows * (ofTags ? width : 1) }

    /// Compares classes, of which the largest is the answer.
    ///
    /// - Returns: the mean KL(original, other) of the softmaxes, the share of rows with another largest class, and the
    ///   number of those rows.
    func classes() -> (divergence: Estimate, disagreement: Estimate, events: Int) {
        answers { row in
            let range = (row * width)..<((row + 1) * width)
            let (p, q) = (LogSoftmax(left[range]), LogSoftmax(right[range]))
            let divergence = (0..<width).reduce(0.0) { sum, index in
                sum + p.probability(index) * (p.logarithm(index) - q.logarithm(index))
            }
            return (divergence, p.largest == q.largest ? 0 : 1)
        }
    }

    /// Compares tags, each of which is an answer of its own.
    ///
    /// - Returns: the mean KL of a tag, the share of tags that flip, and the number of those.
    func tags() -> (divergence: Estimate, disagreement: Estimate, events: Int) {
        let logits = TagLogits(of: left)
        return answers(perRow: width) { row in
            var (divergence, flips) = (0.0, 0)
            for index in (row * width)..<((row + 1) * width) {
                let (a, b) = (logits[left[index]], logits[right[index]])
                divergence += TagLogits.divergence(a, b)
                flips += (a > 0) == (b > 0) ? 0 : 1
            }
            return (divergence, flips)
        }
    }

    private func answers(
        perRow: Int = 1, _ compare: (Int) -> (divergence: Double, different: Int)
    ) -> (divergence: Estimate, disagreement: Estimate, events: Int) {
        var divergences = [Double](repeating: 0, count: samples)
        var differences = [Double](repeating: 0, count: samples)
        var events = 0
        for row in places {
            let (divergence, different) = compare(row)
            divergences[row / rowsPerSample] += divergence
            differences[row / rowsPerSample] += Double(different)
            events += different
        }
        let count = countedRows * perRow
        let disagreement =
            rowsPerSample * perRow == 1
            ? Estimate(events, of: count) : Estimate(meanOf: perSample(differences, among: count))
        return (Estimate(meanOf: perSample(divergences, among: count)), disagreement, events)
    }

    /// The sums of the samples as shares whose mean is the mean over all `count` answers.
    private func perSample(_ sums: [Double], among count: Int) -> [Double] {
        let counted = countedSamples
        let scale = Double(counted.count) / Double(max(1, count))
        return counted.map { sums[$0] * scale }
    }

    /// The samples of which a row counts.
    private var countedSamples: [Int] {
        var result: [Int] = []
        result.reserveCapacity(samples)
        for row in places where result.last != row / rowsPerSample { result.append(row / rowsPerSample) }
        return result
    }

    /// The mean square error of a value.
    var meanSquareError: Double {
        var sum = 0.0
        forEachPair { a, b, _ in sum += (a - b) * (a - b) }
        return sum / Double(max(1, countedRows * width))
    }

    /// The share of the variance of all columns together that is lost: `sum |z - z0|^2 / sum |z0 - mean|^2`.
    var varianceLost: Estimate {
        var errors = [Double](repeating: 0, count: samples)
        forEachPair { a, b, row in errors[row / rowsPerSample] += (a - b) * (a - b) }
        let variance = (0..<width).reduce(0.0) { $0 + self.variance(ofColumn: $1) }
        return Estimate(meanOf: perSample(errors, among: countedRows).map { $0 / max(variance, Self.least) })
    }

    /// The share of its variance that the worst column loses.
    var varianceLostOfWorstColumn: Estimate {
        var worst = Estimate(0, upper95: 0)
        for column in 0..<width {
            var errors = [Double](repeating: 0, count: samples)
            for row in places {
                let difference = Double(left[row * width + column]) - Double(right[row * width + column])
                errors[row / rowsPerSample] += difference * difference
            }
            let variance = variance(ofColumn: column)
            let found = Estimate(meanOf: perSample(errors, among: countedRows).map { $0 / variance })
            if found.upper95 > worst.upper95 { worst = found }
        }
        return worst
    }

    /// The mean cosine of the rows of both networks, and the one that 5 % of the rows stay below.
    var cosines: Cosines {
        let cosines = places.map { row in
            var (dot, a, b) = (0.0, 0.0, 0.0)
            for index in (row * width)..<((row + 1) * width) {
                let (x, y) = (Double(left[index]), Double(right[index]))
                (dot, a, b) = (dot + x * y, a + x * x, b + y * y)
            }
            return a == 0 && b == 0 ? 1 : dot / max((a * b).squareRoot(), Self.least)
        }.sorted()
        let mean = cosines.reduce(0, +) / Double(max(1, cosines.count))
        return Cosines(mean: mean, worst5: cosines.isEmpty ? 1 : cosines[cosines.count / 20])
    }

    /// The least number to divide by.
    private static let least = Double.leastNormalMagnitude

    /// The variance of a column of the original; of one that is constant but for rounding, that of the rounding.
    private func variance(ofColumn column: Int) -> Double {
        let count = Double(max(1, countedRows))
        let mean = places.reduce(0.0) { $0 + Double(left[$1 * width + column]) } / count
        let squares = places.reduce(0.0) { sum, row in
            let distance = Double(left[row * width + column]) - mean
            return sum + distance * distance
        }
        return max(squares / count, 1e-9 * mean * mean, Self.least)
    }

    private func forEachPair(_ body: (Double, Double, Int) -> Void) {
        for row in places {
            for index in (row * width)..<((row + 1) * width) { body(Double(left[index]), Double(right[index]), row) }
        }
    }
}

/// The cosines between the vectors of two networks.
package struct Cosines: Sendable, Equatable {
    package let mean: Double
    /// The cosine that 5 % of the vectors stay below.
    package let worst5: Double
}

/// The logits of tags, which a network may give as probabilities.
struct TagLogits {
    private let areProbabilities: Bool

    /// Values that all lie between 0 and 1 are probabilities.
    init(of values: [Float]) { areProbabilities = values.allSatisfy { (0...1).contains($0) } }

    subscript(value: Float) -> Double {
        guard areProbabilities else { return Double(value) }
        let probability = min(max(Double(value), 1e-12), 1 - 1e-12)
        return log(probability / (1 - probability))
    }

    /// The KL of two yes-or-no answers with the logits `a` and `b`: `p (a - b) + softplus(b) - softplus(a)`.
    static func divergence(_ a: Double, _ b: Double) -> Double {
        max(0, (a - b) / (1 + exp(-a)) + softplus(b) - softplus(a))
    }

    private static func softplus(_ value: Double) -> Double { max(value, 0) + log1p(exp(-abs(value))) }
}

extension Tensor {
    /// The values with those along an axis together, which is the last one in memory for most.
    func rows(along axis: Int?) -> [Float] {
        let values = floats
        guard let axis, axis < shape.rank - 1 else { return values }
        let (size, inner) = (shape[axis], shape.dimensions[(axis + 1)...].reduce(1, *))
        var result = [Float](repeating: 0, count: values.count)
        for plane in 0..<(values.count / max(1, inner)) {
            let (outer, index) = plane.quotientAndRemainder(dividingBy: size)
            for place in 0..<inner { result[(outer * inner + place) * size + index] = values[plane * inner + place] }
        }
        return result
    }
}
