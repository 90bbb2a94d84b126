package import Compute
import Glibc
import Model

/// A comparison of two networks' logits (or other outputs), `[samples, ..., classes]` each.
package struct Comparison: Sendable {
    /// The mean over rows of KL(original, other) of the softmaxes; for outputs other than logits, the mean square
    /// error.
    package let divergence: Double
    /// The number of rows whose largest output differs, and of all rows; both zero for outputs other than logits.
    package let disagreements: Int
    package let rows: Int
    /// The mean square error over the variance of the original, for outputs other than logits.
    private let relativeError: Double

    /// Compares the outputs of two networks.
    ///
    /// - Parameters:
    ///   - original: `[samples, ..., classes]`
    ///   - other: the other outputs, of the same shape.
    ///   - task: the task of the outputs.
    ///   - mask: `[samples, positions]` of bool: the rows that count, if there is one for each position.
    package init(_ original: Tensor, _ other: Tensor, _ task: PredictionTask, counting mask: Tensor? = nil) {
        let mask = mask.flatMap { original.hasRow(forEachPlaceOf: $0) ? $0 : nil }
        let (left, right) = (original.floats(countedBy: mask), other.floats(countedBy: mask))
        guard task.kind == .classification, let classes = original.shape.dimensions.last, classes > 0 else {
            var (error, sum, squares) = (0.0, 0.0, 0.0)
            for (a, b) in zip(left, right) {
                error += Double(a - b) * Double(a - b)
                sum += Double(a)
                squares += Double(a) * Double(a)
            }
            let count = Double(max(1, left.count))
            let variance = max(squares / count - sum / count * (sum / count), .leastNormalMagnitude)
            (divergence, disagreements, rows, relativeError) = (error / count, 0, 0, error / count / variance)
            return
        }
        let count = left.count / classes
        var (total, different) = (0.0, 0)
        for row in 0..<count {
            let range = (row * classes)..<((row + 1) * classes)
            let (p, q) = (LogSoftmax(left[range]), LogSoftmax(right[range]))
            for index in 0..<classes { total += p.probability(index) * (p.logarithm(index) - q.logarithm(index)) }
            if p.largest != q.largest { different += 1 }
        }
        (divergence, disagreements, rows, relativeError) = (total / Double(max(1, count)), different, count, 0)
    }

    /// The share of rows with different predictions; for outputs other than logits, the lost share of the variance.
    package var disagreement: Double { rows == 0 ? relativeError : Double(disagreements) / Double(rows) }
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

    /// True when a larger metric is better.
    package var isRate: Bool { interval != nil }

    /// Measures outputs.
    ///
    /// - Parameters:
    ///   - outputs: logits or predictions, `[samples, ..., classes]`.
    ///   - labels: int64 classes, `[samples, ...]`, or float32 targets of the outputs' shape.
    ///   - task: the task of the outputs.
    package init(_ outputs: Tensor, labels: Tensor, _ task: PredictionTask) {
        let values = outputs.floats
        guard labels.type == .int64, let classes = outputs.shape.dimensions.last, classes > 0 else {
            self.init(values, targets: labels.floats, isMultilabel: task.kind == .multilabel)
            return
        }
        self.init(values, classes: labels.int64s, of: classes)
    }

    private init(_ values: [Float], classes labels: [Int64], of classes: Int) {
        var (right, counted, total) = (0, 0, 0.0)
        for (row, label) in labels.enumerated() where label != Loss.ignoredLabel {
            let logits = LogSoftmax(values[(row * classes)..<((row + 1) * classes)])
            if logits.largest == Int(label) { right += 1 }
            total -= logits.logarithm(Int(label))
            counted += 1
        }
        metricName = "accuracy"
        metric = Double(right) / Double(max(1, counted))
        loss = total / Double(max(1, counted))
        interval = Certificate.interval(events: right, of: counted)
    }

    private init(_ values: [Float], targets: [Float], isMultilabel: Bool) {
        var (total, right) = (0.0, 0)
        for (value, target) in zip(values, targets) {
            if isMultilabel {
                // In log-sum-exp form, because a sigmoid and its logarithm overflow.
                let (logit, target) = (Double(value), Double(target))
                total += max(logit, 0) - logit * target + log1p(exp(-abs(logit)))
                if (logit > 0) == (target > 0.5) { right += 1 }
            } else {
                total += Double(value - target) * Double(value - target)
            }
        }
        loss = total / Double(max(1, values.count))
        metricName = isMultilabel ? "binary_accuracy" : "mse"
        metric = isMultilabel ? Double(right) / Double(max(1, values.count)) : loss
        interval = isMultilabel ? Certificate.interval(events: right, of: values.count) : nil
    }
}
