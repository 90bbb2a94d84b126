import Glibc

// N rows, C classes.
extension Step {
    /// The mean over rows of `-log softmax(logits)[label]`; zero when every row is ignored.
    ///
    /// - `logits`: `[..., C]`
    /// - `labels`: `[...]` of int64: below C, or `ignoreIndex`, which whoever loads them has checked
    /// - `loss`: a scalar
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func crossEntropy(
        logits: Tensor, labels: Tensor, ignoreIndex: Int64, into loss: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try LabelledRows(logits, labels, ignoreIndex)
        try loss.shape.require(.scalar, for: "crossEntropy")
        // The sum is taken without the largest term, which is 1: where a network is sure, all of the loss is in the rest.
        let exponentials = try Tensor.scratch(logits.shape)
        let exponential = try unary(.exp, exponentials, into: exponentials)
        let (x, e, result) = try unsafe (logits.source(), exponentials.target(), loss.target())
        return Step("crossEntropy", keeping: [logits, labels, exponentials, loss]) {
            var (total, counted) = (0.0, 0)
            for row in 0..<rows.count {
                // SAFETY: `x` and `e` hold `count * classes` elements and the label is below `classes`.
                let (x, e) = unsafe (x + row * rows.classes, e + row * rows.classes)
                var largest = unsafe x[0]
                for c in 1..<max(1, rows.classes) { unsafe largest = max(largest, x[c]) }
                for c in 0..<rows.classes { unsafe e[c] = x[c] - largest }
                if let label = rows.label(row) { unsafe total -= Double(e[label]) }
                for c in 0..<rows.classes where unsafe e[c] == 0 {
                    unsafe e[c] = -.infinity
                    break
                }
            }
            exponential.run()
            for row in 0..<rows.count where rows.label(row) != nil {
                // SAFETY: as above.
                let e = unsafe e + row * rows.classes
                var others = 0.0
                for c in 0..<rows.classes { unsafe others += Double(e[c]) }
                total += log1p(others)
                counted += 1
            }
            unsafe result[0] = Float(total / Double(max(1, counted)))
        }
    }

    /// The derivative of ``crossEntropy(logits:labels:ignoreIndex:into:)`` by `logits`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func crossEntropyBackward(
        logits: Tensor, labels: Tensor, ignoreIndex: Int64, dLoss: Tensor, into dLogits: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try LabelledRows(logits, labels, ignoreIndex)
        try dLoss.shape.require(.scalar, for: "crossEntropy backward")
        let softmax = try softmax(logits, axis: -1, into: dLogits)
        let (g, d) = try unsafe (dLoss.source(), dLogits.target())
        return Step("crossEntropy backward", keeping: [logits, labels, dLoss, dLogits]) {
            softmax.run()
            var counted = 0
            for row in 0..<rows.count where rows.label(row) != nil { counted += 1 }
            let scale = unsafe g[0] / Float(max(1, counted))
            for row in 0..<rows.count {
                // SAFETY: as in `crossEntropy`.
                let d = unsafe d + row * rows.classes
                guard let label = rows.label(row) else {
                    unsafe d.update(repeating: 0, count: rows.classes)
                    continue
                }
                for c in 0..<rows.classes { unsafe d[c] *= scale }
                unsafe d[label] -= scale
            }
        }
    }
}

@safe private struct LabelledRows {
    let count: Int
    let classes: Int
    private let labels: UnsafeMutablePointer<Int64>
    private let ignored: Int64

    init(_ logits: Tensor, _ labels: Tensor, _ ignored: Int64) throws(ComputeError) {
        guard let classes = logits.shape.dimensions.last,
            Array(logits.shape.dimensions.dropLast()) == labels.shape.dimensions
        else { throw .shape(.mismatch(operation: "crossEntropy", logits.shape, labels.shape)) }
        precondition(labels.type == .int64, "labels are int64")
        count = labels.shape.elementCount
        self.classes = classes
        self.ignored = ignored
        unsafe self.labels = try labels.source(as: Int64.self)
    }

    /// The class of a row, or nil if it is ignored.
    func label(_ row: Int) -> Int? {
        // SAFETY: `row` is below `count`.
        let label = unsafe labels[row]
        guard label != ignored else { return nil }
        precondition(label >= 0 && label < Int64(classes), "labels were checked when they were loaded")
        return Int(label)
    }
}
