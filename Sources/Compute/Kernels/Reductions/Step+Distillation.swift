import COneDNN

// N rows, C classes.
extension Step {
    /// The mean over rows of the Kullback-Leibler divergence, `sum(t * (log t - log s))`, where `t` and `s` are the
    /// softmaxes of the teacher's and the student's logits.
    ///
    /// - `teacher`: `[..., C]`
    /// - `student`: `[..., C]`
    /// - `loss`: a scalar
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func distillation(
        teacher: Tensor, student: Tensor, into loss: Tensor
    ) throws(ComputeError) -> Step {
        try student.shape.require(teacher.shape, for: "distillation")
        try loss.shape.require(.scalar, for: "distillation")
        let logTeacher = try Tensor.scratch(teacher.shape)
        let logStudent = try Tensor.scratch(teacher.shape)
        let weights = try Tensor.scratch(teacher.shape)
        let prepare = try [
            logSoftmax(teacher, axis: -1, into: logTeacher),
            logSoftmax(student, axis: -1, into: logStudent),
            unary(.exp, logTeacher, into: weights),
        ]
        let (t, s, w) = try unsafe (logTeacher.source(), logStudent.source(), weights.source())
        let result = unsafe loss.target()
        let count = teacher.shape.elementCount
        let rows = rowCount(teacher.shape)
        return Step("distillation", keeping: [teacher, student, logTeacher, logStudent, weights, loss]) {
            for step in prepare { step.run() }
            // SAFETY: the three hold `count` elements.
            let total = sum(count) { unsafe $0.of(w) * ($0.of(t) - $0.of(s)) }
            unsafe result[0] = total / rows
        }
    }

    /// The gradient of ``distillation(teacher:student:into:)`` with respect to `student`.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func distillationBackward(
        teacher: Tensor, student: Tensor, dLoss: Tensor, into dStudent: Tensor
    ) throws(ComputeError) -> Step {
        try student.shape.require(teacher.shape, for: "distillation backward")
        try dLoss.shape.require(.scalar, for: "distillation backward")
        let weights = try Tensor.scratch(teacher.shape)
        let softmaxes = try [softmax(teacher, axis: -1, into: weights), softmax(student, axis: -1, into: dStudent)]
        let (w, g, d) = try unsafe (weights.source(), dLoss.source(), dStudent.target())
        let count = teacher.shape.elementCount
        let rows = rowCount(teacher.shape)
        return Step("distillation backward", keeping: [teacher, student, dLoss, weights, dStudent]) {
            for softmax in softmaxes { softmax.run() }
            let scale = unsafe g[0] / rows
            // SAFETY: both hold `count` elements.
            for index in 0..<count { unsafe d[index] = (d[index] - w[index]) * scale }
        }
    }

    private static func rowCount(_ shape: Shape) -> Float { Float(max(1, shape.dimensions.dropLast().reduce(1, *))) }
}
