package import Compute
import Glibc
import Model

/// A comparison of two networks' logits (or other outputs), `[samples, ..., classes]` each.
package struct Comparison: Sendable {
    /// The task of the output that is compared.
    package let task: PredictionTask
    /// The mean over rows of KL(original, other) of the softmaxes; for outputs other than logits, the mean square
    /// error.
    package let divergence: Double
    /// The number of rows whose largest output differs, and of all rows; both zero for outputs other than logits.
    package let disagreements: Int
    package let rows: Int
    /// The share of rows with different predictions; for outputs other than logits, the lost share of the variance.
    package let disagreement: Double
    /// The upper bound of ``disagreement`` with 95 % confidence on samples like these: of Clopper and Pearson for one
    /// row a sample, else of the mean over samples.
    package let upper95: Double
    package let samples: Int
    /// For an output whose kind is a guess, the upper bound of the variance that its worst column loses: classes would
    /// hide it.
    package let varianceUpper95: Double?

    /// Compares the outputs of two networks.
    ///
    /// - Parameters:
    ///   - original: `[samples, ..., classes]`
    ///   - other: the other outputs, of the same shape.
    ///   - task: the task of the outputs.
    ///   - mask: `[samples, positions]` of bool: the rows that count, if there is one for each position.
    ///   - samples: the number of samples, if it is not the leading size.
    package init(
        _ original: Tensor, _ other: Tensor, _ task: PredictionTask, counting mask: Tensor? = nil, samples: Int? = nil
    ) {
        let mask = mask.flatMap { original.hasRow(forEachPlaceOf: $0) ? $0 : nil }
        let isPixels = task.kind == .segmentation && original.shape.rank == 4
        let (left, right) = isPixels ? (original.pixels, other.pixels) : (original.floats, other.floats)
        let samples = max(1, samples ?? original.shape.dimensions.first ?? 1)
        (self.samples, self.task) = (samples, task)
        let classes = isPixels ? original.shape[1] : original.shape.dimensions.last ?? 1
        varianceUpper95 = task.isGuess ? Self.worstColumn(left, right, width: classes, samples: samples) : nil
        guard task.kind.hasClasses, classes > 0 else {
            let (rows, width) = (mask?.bools, left.count / max(1, mask?.shape.elementCount ?? samples))
            var errors = [Double](repeating: 0, count: samples)
            var (sum, squares, count) = (0.0, 0.0, 0.0)
            for (index, (a, b)) in zip(left, right).enumerated() where rows?[index / max(1, width)] ?? true {
                errors[index * samples / left.count] += Double(a - b) * Double(a - b)
                sum += Double(a)
                squares += Double(a) * Double(a)
                count += 1
            }
            count = max(1, count)
            let variance = max(squares / count - sum / count * (sum / count), .leastNormalMagnitude)
            divergence = errors.reduce(0, +) / count
            (disagreements, disagreement) = (0, divergence / variance)
            let scale = Double(samples) / count / variance
            upper95 = Certificate.upperMean(errors.map { $0 * scale })
            self.rows = 0
            return
        }
        let (counts, count) = (mask?.bools, left.count / classes)
        let perSample = max(1, count / samples)
        var (total, different, counted) = (0.0, 0, 0)
        var shares = [(different: Int, counted: Int)](repeating: (0, 0), count: samples)
        for row in 0..<count where counts?[row] ?? true {
            let range = (row * classes)..<((row + 1) * classes)
            let (p, q) = (LogSoftmax(left[range]), LogSoftmax(right[range]))
            for index in 0..<classes { total += p.probability(index) * (p.logarithm(index) - q.logarithm(index)) }
            let differs = p.largest != q.largest ? 1 : 0
            different += differs
            counted += 1
            shares[row / perSample].different += differs
            shares[row / perSample].counted += 1
        }
        (divergence, disagreements, rows) = (total / Double(max(1, counted)), different, counted)
        disagreement = Double(different) / Double(max(1, counted))
        upper95 =
            perSample == 1
            ? Certificate(events: different, of: counted).upper95
            : Certificate.upperMean(
                shares.filter { $0.counted > 0 }.map { Double($0.different) / Double($0.counted) })
    }
}

extension Comparison {
    /// The upper bound of the variance that the worst of `width` columns loses, each relative to its own.
    private static func worstColumn(_ left: [Float], _ right: [Float], width: Int, samples: Int) -> Double {
        guard width > 0, left.count >= width else { return 0 }
        let rows = left.count / width
        var worst = 0.0
        for column in 0..<width {
            var (sum, squares) = (0.0, 0.0)
            var errors = [Double](repeating: 0, count: samples)
            for row in 0..<rows {
                let (a, b) = (Double(left[row * width + column]), Double(right[row * width + column]))
                sum += a
                squares += a * a
                errors[row * samples / rows] += (a - b) * (a - b)
            }
            let mean = sum / Double(rows)
            // A column that is constant but for rounding has no variance to lose.
            let variance = max(squares / Double(rows) - mean * mean, 1e-9 * mean * mean, .leastNormalMagnitude)
            let scale = Double(samples) / Double(rows) / variance
            worst = max(worst, Certificate.upperMean(errors.map { $0 * scale }))
        }
        return worst
    }

    /// The damage as one number that grows with it: the KL for classes, else the lost share of the variance.
    var damage: Double { rows > 0 ? divergence : disagreement }
}

/// The log-softmax of one row of logits.
struct LogSoftmax {
    private let row: ArraySlice<Float>
    private let shift: Double
    let largest: Int

    init(_ row: ArraySlice<Float>) {
        self.row = row
        var place = row.startIndex
        for index in row.indices where row[index] > row[place] { place = index }
        largest = place - row.startIndex
        let maximum = Double(row[place])
        var sum = 0.0
        for value in row { sum += exp(Double(value) - maximum) }
        shift = maximum + log(sum)
    }

    func logarithm(_ index: Int) -> Double { Double(row[row.startIndex + index]) - shift }
    func probability(_ index: Int) -> Double { exp(logarithm(index)) }
}

/// The quality of outputs by their labels.
package struct Metrics: Sendable {
    package let metricName: String
    package let metric: Double
    package let loss: Double
    /// The 95 % interval of a rate; nil for other metrics.
    package let interval: [Double]?
    /// The metric of each row that counts: 1 or 0 for a rate, else its loss.
    private let scores: [Double]
    /// The labels of each class, and how many of them are predicted; empty without classes.
    package private(set) var classes: [ClassCount] = []

    /// The rows of one class.
    package struct ClassCount: Sendable, Equatable {
        package var right = 0
        package var count = 0
        package var recall: Double { Double(right) / Double(max(1, count)) }
    }

    /// The class whose recall falls most from the original's.
    ///
    /// - Returns: nil without classes, or when no recall falls.
    package func worstClass(from original: Metrics) -> (index: Int, drop: Double)? {
        let drops = zip(original.classes, classes).map { $0.recall - $1.recall }
        return drops.enumerated().max { $0.element < $1.element }.flatMap {
            $0.element > 0 ? ($0.offset, $0.element) : nil
        }
    }

    /// True when a larger metric is better.
    package var isRate: Bool { interval != nil }

    /// The drop of the metric from the original's on the same samples: absolute for a rate, relative for a loss.
    package func drop(from original: Metrics) -> Double {
        isRate
            ? original.metric - metric : (metric - original.metric) / max(original.metric, .leastNormalMagnitude)
    }

    /// The upper bound of ``drop(from:)`` on as many new samples with 95 % confidence, from the rows of both in pairs. Gains
    /// hide losses, so that the drop of other samples may be far from that of these.
    package func dropUpper95(from original: Metrics) -> Double {
        let pairs = zip(original.scores, scores)
        guard isRate else {
            return Certificate.upperMean(pairs.map { $1 - $0 }, isPrediction: true)
                / max(original.metric, .leastNormalMagnitude)
        }
        let drops = pairs.map { $0 - $1 }
        let losses = drops.count { $0 > 0 }
        // Few losses have no variance to speak of: their own bound is the larger one then.
        let rare = Certificate(events: losses, of: max(1, drops.count))
        return max(Certificate.upperMean(drops, isPrediction: true), drop(from: original) + rare.upper95 - rare.rate)
    }

    /// Measures outputs.
    ///
    /// - Parameters:
    ///   - outputs: logits or predictions, `[samples, ..., classes]`.
    ///   - labels: int64 classes, `[samples, ...]`, or float32 targets of the outputs' shape.
    ///   - task: the task of the outputs.
    package init(_ outputs: Tensor, labels: Tensor, _ task: PredictionTask) {
        let values = outputs.floats
        if labels.type == .int64, task.kind == .segmentation, outputs.shape.rank == 4 {
            self.init(outputs.pixels, classes: labels.int64s, of: outputs.shape[1])
            return
        }
        guard labels.type == .int64, let classes = outputs.shape.dimensions.last, classes > 0 else {
            self.init(values, targets: labels.floats, isMultilabel: task.kind == .multilabel)
            return
        }
        self.init(values, classes: labels.int64s, of: classes)
    }

    private init(_ values: [Float], classes labels: [Int64], of classes: Int) {
        var (right, counted, total) = (0, 0, 0.0)
        var scores: [Double] = []
        var counts = [ClassCount](repeating: ClassCount(), count: classes)
        for (row, label) in labels.enumerated() where label != Loss.ignoredLabel {
            let logits = LogSoftmax(values[(row * classes)..<((row + 1) * classes)])
            let isRight = logits.largest == Int(label)
            right += isRight ? 1 : 0
            scores.append(isRight ? 1 : 0)
            counts[Int(label)].count += 1
            counts[Int(label)].right += isRight ? 1 : 0
            total -= logits.logarithm(Int(label))
            counted += 1
        }
        metricName = "accuracy"
        metric = Double(right) / Double(max(1, counted))
        loss = total / Double(max(1, counted))
        interval = Certificate.interval(events: right, of: counted)
        (self.scores, self.classes) = (scores, counts)
    }

    private init(_ values: [Float], targets: [Float], isMultilabel: Bool) {
        var (total, right) = (0.0, 0)
        var scores: [Double] = []
        for (value, target) in zip(values, targets) {
            if isMultilabel {
                // In log-sum-exp form, because a sigmoid and its logarithm overflow.
                let (logit, target) = (Double(value), Double(target))
                total += max(logit, 0) - logit * target + log1p(exp(-abs(logit)))
                let isRight = (logit > 0) == (target > 0.5)
                right += isRight ? 1 : 0
                scores.append(isRight ? 1 : 0)
            } else {
                scores.append(Double(value - target) * Double(value - target))
                total += scores[scores.count - 1]
            }
        }
        loss = total / Double(max(1, values.count))
        metricName = isMultilabel ? "binary_accuracy" : "mse"
        metric = isMultilabel ? Double(right) / Double(max(1, values.count)) : loss
        interval = isMultilabel ? Certificate.interval(events: right, of: values.count) : nil
        self.scores = scores
    }
}

extension Tensor {
    /// The values of `[N, C, H, W]` with the channels of each pixel together, `[N, H, W, C]`.
    fileprivate var pixels: [Float] {
        let (channels, area) = (shape[1], shape[2] * shape[3])
        let values = floats
        var result = [Float](repeating: 0, count: values.count)
        for plane in 0..<(shape[0] * channels) {
            let (sample, channel) = plane.quotientAndRemainder(dividingBy: channels)
            for pixel in 0..<area {
                result[(sample * area + pixel) * channels + channel] = values[plane * area + pixel]
            }
        }
        return result
    }
}
