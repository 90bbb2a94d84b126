import COneDNN

extension Step {
    /// The mean over all elements of `-t log p - (1 - t) log (1 - p)`, where `p` is the sigmoid of the logit: computed
    /// as `log(1 + exp z) - t z`, which overflows for no logit.
    ///
    /// - `targets`: probabilities, of the shape of `logits`
    /// - `loss`: a scalar
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func binaryCrossEntropy(
        logits: Tensor, targets: Tensor, into loss: Tensor
    ) throws(ComputeError) -> Step {
        try targets.shape.require(logits.shape, for: "binaryCrossEntropy")
        try loss.shape.require(.scalar, for: "binaryCrossEntropy")
        let count = logits.shape.elementCount
        let (z, t, result) = try unsafe (logits.source(), targets.source(), loss.target())
        guard count > 0 else { return try fill(loss, value: 0) }
        let softplus = try Tensor.scratch(logits.shape)
        let primitive = try Primitive(.eltwise(dnnl_eltwise_soft_relu, count: count))
        try unsafe primitive.bind(DNNL_ARG_SRC_0, z)
        try unsafe primitive.bind(DNNL_ARG_DST_0, softplus.target())
        let s = try unsafe softplus.source()
        return Step("binaryCrossEntropy", keeping: [logits, targets, softplus, loss]) {
            primitive.run()
            // SAFETY: the three hold `count` elements.
            let total = sum(count) { unsafe $0.of(s) - $0.of(t) * $0.of(z) }
            unsafe result[0] = total / Float(count)
        }
    }

    /// The gradient of ``binaryCrossEntropy(logits:targets:into:)`` with respect to `logits`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func binaryCrossEntropyBackward(
        logits: Tensor, targets: Tensor, dLoss: Tensor, into dLogits: Tensor
    ) throws(ComputeError) -> Step {
        try targets.shape.require(logits.shape, for: "binaryCrossEntropy backward")
        try dLoss.shape.require(.scalar, for: "binaryCrossEntropy backward")
        let sigmoid = try unary(.sigmoid, logits, into: dLogits)
        let (t, g, d) = try unsafe (targets.source(), dLoss.source(), dLogits.target())
        let count = logits.shape.elementCount
        return Step("binaryCrossEntropy backward", keeping: [logits, targets, dLoss, dLogits]) {
            sigmoid.run()
            let scale = unsafe g[0] / Float(max(1, count))
            // SAFETY: both hold `count` elements.
            for index in 0..<count { unsafe d[index] = (d[index] - t[index]) * scale }
        }
    }

    /// The mean over all elements of `(left - right)^2`.
    ///
    /// - `right`: of the shape of `left`
    /// - `loss`: a scalar
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func meanSquare(_ left: Tensor, _ right: Tensor, into loss: Tensor) throws(ComputeError) -> Step {
        try right.shape.require(left.shape, for: "meanSquare")
        try loss.shape.require(.scalar, for: "meanSquare")
        let (a, b, result) = try unsafe (left.source(), right.source(), loss.target())
        let count = left.shape.elementCount
        return Step("meanSquare", keeping: [left, right, loss]) {
            // SAFETY: both hold `count` elements.
            let total = sum(count) { place in
                let difference = unsafe place.of(a) - place.of(b)
                return difference * difference
            }
            unsafe result[0] = total / Float(max(1, count))
        }
    }

    /// The gradient of ``meanSquare(_:_:into:)`` with respect to `left`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func meanSquareBackward(
        _ left: Tensor, _ right: Tensor, dLoss: Tensor, into dLeft: Tensor
    ) throws(ComputeError) -> Step {
        try right.shape.require(left.shape, for: "meanSquare backward")
        try dLeft.shape.require(left.shape, for: "meanSquare backward")
        try dLoss.shape.require(.scalar, for: "meanSquare backward")
        let (a, b, g, d) = try unsafe (left.source(), right.source(), dLoss.source(), dLeft.target())
        let count = left.shape.elementCount
        return Step("meanSquare backward", keeping: [left, right, dLoss, dLeft]) {
            let scale = unsafe 2 * g[0] / Float(max(1, count))
            // SAFETY: the three hold `count` elements.
            for index in 0..<count { unsafe d[index] = (a[index] - b[index]) * scale }
        }
    }
}
