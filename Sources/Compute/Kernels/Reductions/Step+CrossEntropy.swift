import Glibc

// N rows, C classes.
extension Step {
    /// The mean over rows of `-log softmax(logits)[label]`; zero when every row is ignored.
    ///
    /// - `logits`: `[..., C]`
    /// - `labels`: `[...]` of int64: below C, or `ignoreIndex`; they are checked when they are loaded
    /// - `loss`: a scalar
    /// - Throws: ``ComputeError/shape(_:)`` unless the sizes fit.
    package static func crossEntropy(
        logits: Tensor, labels: Tensor, ignoreIndex: Int64, into loss: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try LabelledRows(logits, labels, ignoreIndex)
        try loss.shape.require(.scalar, for: "crossEntropy")
        // The sum leaves out the largest term, which is 1: if a network is confident, the whole loss is in the rest.
        let exponentials = try Tensor.scratch(logits.shape)
        let exponential = try unary(.exp, exponentials, into: exponentials)
        let rowLosses = try Tensor.scratch(.of([rows.count]))
        let (x, e, result) = try unsafe (logits.source(), exponentials.target(), loss.target())
        let losses = unsafe rowLosses.target()
        return Step("crossEntropy", keeping: [logits, labels, exponentials, rowLosses, loss]) {
            inParallel(rows.count, grain: rows.grain) { part, _ in
                // SAFETY: `x` and `e` hold `count * classes` elements, `losses` one per row; the label is below
                // `classes`.
                for row in part {
                    let e = unsafe e + row * rows.classes
                    unsafe LabelledRows.centre(x + row * rows.classes, into: e, count: rows.classes)
                    unsafe losses[row] = rows.label(row).map { unsafe -e[$0] } ?? 0
                    for c in 0..<rows.classes where unsafe e[c] == 0 {
                        unsafe e[c] = -.infinity
                        break
                    }
                }
            }
            exponential.run()
            inParallel(rows.count, grain: rows.grain) { part, _ in
                // SAFETY: as above.
                for row in part where rows.label(row) != nil {
                    let e = unsafe e + row * rows.classes
                    unsafe losses[row] += log1pf(sum(rows.classes) { unsafe $0.of(e) })
                }
            }
            var total = 0.0
            for row in 0..<rows.count { unsafe total += Double(losses[row]) }
            unsafe result[0] = Float(total / Double(max(1, rows.countLabelled())))
        }
    }

    /// The gradient of ``crossEntropy(logits:labels:ignoreIndex:into:)`` with respect to `logits`.
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
            let scale = unsafe g[0] / Float(max(1, rows.countLabelled()))
            inParallel(rows.count, grain: rows.grain) { part, _ in
                for row in part {
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
        (self.classes, self.ignored) = (classes, ignored)
        unsafe self.labels = try labels.source(as: Int64.self)
    }

    /// The number of rows worth a thread.
    var grain: Int { max(1, manyElements / max(1, classes)) }

    func countLabelled() -> Int { (0..<count).count { label($0) != nil } }

    /// `result = x - max(x)`
    // SAFETY: both are a row of `count` classes.
    @inline(never)
    static func centre(_ x: UnsafeMutablePointer<Float>, into result: UnsafeMutablePointer<Float>, count: Int) {
        var lanes = SIMD8<Float>(repeating: -.infinity)
        let whole = count & ~7
        for index in stride(from: 0, to: whole, by: 8) {
            let next = unsafe UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self)
            lanes.replace(with: next, where: next .> lanes)
        }
        var largest = lanes.max()
        for index in whole..<count { unsafe largest = max(largest, x[index]) }
        for index in 0..<count { unsafe result[index] = x[index] - largest }
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
