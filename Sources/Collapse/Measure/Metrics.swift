import ByteText
package import Compute
import Glibc
import Model

/// The quality of outputs by their labels.
package struct Metrics: Sendable {
    package let metricName: String
    package let metric: Double
    package let loss: Double
    /// The 95 % interval of a rate; nil for other metrics.
    package let interval: [Double]?
    /// The metric of each sample: 1 or 0, a share of its rows, or a loss.
    private let scores: [Double]
    /// True when a sample has one row at most.
    private let isIndependent: Bool
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

    /// The upper bound of ``drop(from:)`` on as many new samples with 97.5 % confidence, from the rows of both in pairs.
    ///
    /// Gains hide losses, so that the drop of other samples may be far from that of these. A point that is chosen for its
    /// drop is lucky more often than not, and several are tried: with 95 % confidence the budget broke in up to 5.5 % of
    /// splits, with this in up to 3.3 %.
    package func dropUpperBound(from original: Metrics) -> Double {
        let pairs = zip(original.scores, scores)
        guard isRate else {
            return Certificate.upperMean(pairs.map { $1 - $0 }, isPrediction: true)
                / max(original.metric, .leastNormalMagnitude)
        }
        let drops = pairs.map { $0 - $1 }
        guard isIndependent else { return Certificate.upperMean(drops, isPrediction: true) }
        let losses = drops.count { $0 > 0 }
        // Few losses have no variance to speak of: their own bound is the larger one then.
        let rare =
            Certificate.interval(events: losses, of: drops.count)[1] - Double(losses) / Double(max(1, drops.count))
        return max(Certificate.upperMean(drops, isPrediction: true), drop(from: original) + rare)
    }

    /// Measures outputs.
    ///
    /// - Parameters:
    ///   - outputs: logits or predictions, `[samples, ...]`, with the classes along the axis that the task says.
    ///   - labels: int64 classes, `[samples, ...]`, or float32 targets of the outputs' shape.
    ///   - task: the task of the outputs.
    package init(_ outputs: Tensor, labels: Tensor, _ task: PredictionTask) {
        var rows = ScoredRows(samples: labels.shape.dimensions.first ?? 1, count: labels.shape.elementCount)
        let values = outputs.rows(along: labels.type == .int64 ? task.classAxis : nil)
        switch labels.type {
        case .int64:
            let classes = outputs.shape.rank > 0 ? outputs.shape[task.classAxis] : 1
            self.classes = rows.add(values, classes: labels.int64s, of: classes)
            metricName = "accuracy"
        case .float32, .int32, .bool:
            let isTags = task.kind == .multilabel
            if isTags { rows.add(values, tags: labels.floats) } else { rows.add(values, targets: labels.floats) }
            metricName = isTags ? "binary_accuracy" : "mse"
        }
        (metric, loss, scores, isIndependent) = (rows.score, rows.loss, rows.scores, rows.isIndependent)
        interval = metricName.hasBytes(of: "mse") ? nil : rows.interval
    }
}

/// The scores of the rows of outputs by their labels, added up for each sample.
private struct ScoredRows {
    private var sums: [Double]
    private var counts: [Int]
    private var total = 0.0
    private var counted = 0
    private let perSample: Int

    init(samples: Int, count: Int) {
        sums = [Double](repeating: 0, count: samples)
        counts = [Int](repeating: 0, count: samples)
        perSample = max(1, count / max(1, samples))
    }

    private mutating func add(_ row: Int, score: Double, loss: Double) {
        sums[row / perSample] += score
        counts[row / perSample] += 1
        (total, counted) = (total + loss, counted + 1)
    }

    /// Adds rows of classes.
    ///
    /// - Returns: the labels of each class, and how many of them are predicted.
    mutating func add(_ values: [Float], classes labels: [Int64], of classes: Int) -> [Metrics.ClassCount] {
        var found = [Metrics.ClassCount](repeating: Metrics.ClassCount(), count: classes)
        for (row, label) in labels.enumerated() where label != Loss.ignoredLabel {
            let logits = LogSoftmax(values[(row * classes)..<((row + 1) * classes)])
            let isRight = logits.largest == Int(label)
            found[Int(label)].count += 1
            found[Int(label)].right += isRight ? 1 : 0
            add(row, score: isRight ? 1 : 0, loss: -logits.logarithm(Int(label)))
        }
        return found
    }

    mutating func add(_ values: [Float], tags: [Float]) {
        let logits = TagLogits(of: values)
        for (row, (value, tag)) in zip(values, tags).enumerated() {
            // In log-sum-exp form, because a sigmoid and its logarithm overflow.
            let (logit, target) = (logits[value], Double(tag))
            let loss = max(logit, 0) - logit * target + log1p(exp(-abs(logit)))
            add(row, score: (logit > 0) == (target > 0.5) ? 1 : 0, loss: loss)
        }
    }

    mutating func add(_ values: [Float], targets: [Float]) {
        for (row, (value, target)) in zip(values, targets).enumerated() {
            let square = Double(value - target) * Double(value - target)
            add(row, score: square, loss: square)
        }
    }

    var loss: Double { total / Double(max(1, counted)) }
    var score: Double { sums.reduce(0, +) / Double(max(1, counted)) }

    /// True when a sample has one row at most.
    var isIndependent: Bool { perSample == 1 }

    /// The scores of the samples as shares whose mean is the mean over all rows.
    var scores: [Double] {
        let samples = counts.count { $0 > 0 }
        let scale = Double(samples) / Double(max(1, counted))
        return zip(sums, counts).filter { $1 > 0 }.map { $0.0 * scale }
    }

    /// The 95 % interval of a rate.
    var interval: [Double] {
        guard !isIndependent else {
            return Certificate.interval(events: Int(sums.reduce(0, +)), of: counted)
        }
        return Certificate.interval(ofMean: scores)
    }
}
