package import Compute

/// The computation of one node of a ``Graph``. Every op has one result.
///
/// The comments name the operands, outermost size first; `...` stands for any leading sizes. The ops under "Gradients"
/// are appended by ``Graph/gradients(of:withRespectTo:)`` and never come from a file.
package enum Op: Sendable {
    // MARK: Leaves
    /// A tensor that the caller sets before each run.
    case input(String)
    /// The parameter `Graph.parameters[index]`.
    case parameter(Int)
    case constant(Tensor)

    // MARK: Linear
    /// `a [..., M, K]`, `b [..., K, N]`, optionally `bias [N]`; the transposes swap the last two axes before the
    /// product.
    case matMul(transposeLeft: Bool, transposeRight: Bool)
    /// A ``matMul(transposeLeft:transposeRight:)`` with `bias [N]` and `other [..., M, N]` if the epilogue has them.
    /// Made by ``Graph/fuseProducts(seen:)``, not by a file.
    case fusedMatMul(transposeLeft: Bool, transposeRight: Bool, Epilogue)
    /// The query, the key, the value and optionally the mask, each a view of an operand; the shape is that of the value
    /// that holds the result. Made by ``Graph/fuseAttention(trained:fetched:)``, not by a file.
    case attention(Attention, Shape)
    /// `x [N, C, ...]`, `weight [O, C / groups, ...]`, optionally `bias [O]`.
    case convolution(Window, groups: Int)
    /// A ``convolution(_:groups:)`` followed by a function of each element. Made by ``Graph/fuseProducts(seen:)``, not
    /// by a file.
    case fusedConvolution(Window, groups: Int, activation: UnaryKind)

    // MARK: Element by element
    /// Two operands of float32, int64 or int32 under NumPy broadcasting.
    case binary(BinaryKind)
    /// Two operands of any one type under NumPy broadcasting; the result is bool.
    case compare(CompareKind)
    /// Two operands of bool under NumPy broadcasting.
    case logical(LogicalKind)
    /// `x` of float32, or of bool for ``PredicateKind/not``; the result is bool.
    case predicate(PredicateKind)
    /// `condition` of bool, `a` and `b` of any one type, all three under NumPy broadcasting: `a` where the condition is
    /// true, else `b`.
    case select
    /// `x` of float32; ``UnaryKind/negate``, ``UnaryKind/absolute`` and ``UnaryKind/sign`` also of int64 and int32.
    case unary(UnaryKind)
    /// `x`, `slope` (which broadcasts to `x`): `max(x, 0) + slope * min(x, 0)`.
    case prelu
    /// `x [N, C, ...]`, `scale [C]`, `bias [C]`, `mean [C]`, `variance [C]`, on its running statistics.
    case batchNorm(epsilon: Float)
    case cast(ElementType)
    /// Operands of float32 under NumPy broadcasting. Made by ``Graph/fuseChains(seen:)``, not by a file.
    case chain(ElementChain)

    // MARK: Along axes
    case softmax(axis: Int)
    case logSoftmax(axis: Int)
    /// `x [..., K...]`, optionally `scale [K...]`, optionally `bias [K...]`, with `axes` sizes in `K...`.
    case norm(NormKind, axes: Int, epsilon: Float)
    /// `x` of float32, or of int64 or int32 except for ``ReduceKind/l2`` and the logarithms.
    case reduce(ReduceKind, axes: [Int], keepsAxes: Bool)
    /// `x` of float32, int64 or int32; the result is int64.
    case extreme(ExtremeKind, axis: Int, keepsAxis: Bool, takesLast: Bool)
    /// `x` of float32, int64 or int32.
    case cumulativeSum(axis: Int, isExclusive: Bool, isReversed: Bool)
    /// `x [N, C, ...]`; the padding counts as minus infinity.
    case maxPool(Window)
    case averagePool(Window, countsPadding: Bool)

    /// `x [...]`, resized along one axis.
    case resample(Resampling, axis: Int)

    // MARK: Shape, of any element type
    case reshape(Shape)
    case transpose([Int])
    case concat(axis: Int)
    /// Every `step`th element from `start` on; backwards if the step is negative.
    case slice(axis: Int, start: Int, count: Int, step: Int = 1)
    case broadcast(Shape)
    /// `x`, optionally `value`, one element to pad with; negative counts crop.
    case pad(PadKind, before: [Int], after: [Int])
    /// `x [..., M, N]`: one triangle of each matrix, with zeros elsewhere.
    case triangle(isUpper: Bool, diagonal: Int)

    // MARK: By indices of int64 or int32; a negative one counts from the end, and one out of range reads zero
    /// `x [A..., D, B...]`, `indices [I...]`: `[A..., I..., B...]`; `x` of any type.
    case gather(axis: Int)
    /// `x`, `indices` of the same rank and no longer than `x` except on the axis; `x` of any type.
    case gatherElements(axis: Int)
    /// `x [B..., D..., R...]`, `indices [B..., I..., count of D]`: `[B..., I..., R...]`; `x` of any type.
    case gatherND(batchAxes: Int)
    /// `x`, `indices`, `updates` of the shape of `indices`; the places are those of ``gatherElements(axis:)``.
    case scatterElements(ScatterKind, axis: Int)
    /// `x`, `indices`, `updates [B..., I..., R...]`; the places are those of ``gatherND(batchAxes:)``.
    case scatterND(ScatterKind, batchAxes: Int)

    // MARK: Losses, each a scalar
    /// `logits [..., C]`, `labels [...]` of int64: the mean over labels that are not `ignoring`.
    case crossEntropy(ignoring: Int64)
    /// `teacher [..., C]`, `student [..., C]`: mean over rows of KL(teacher, student).
    case distillation
    /// `logits`, `targets` of one shape: mean over all elements.
    case binaryCrossEntropy
    /// `left`, `right` of one shape: mean over all elements.
    case meanSquare

    // MARK: Gradients
    /// The query, the key, the value, `dy`, optionally the mask: the gradients of the first three, flat, in parts.
    case attentionGradient(Attention, AttentionParts)
    /// `x`, `dy`.
    case unaryGradient(UnaryKind)
    /// `a`, `b`, `dy`: the gradient of one of the two, of the shape of `dy`.
    case binaryGradient(BinaryKind, isLeft: Bool)
    /// `x`, `slope`, `dy`: the gradient of `x`.
    case preluGradient
    /// `x`, `slope`, `dy`: the gradient of `slope`.
    case preluSlopeGradient
    /// `y`, `dy`.
    case softmaxGradient(axis: Int)
    /// `y`, `dy`.
    case logSoftmaxGradient(axis: Int)
    /// `x`, `dy`, optionally `scale`: the gradient of `x`. If it is summed, the last operand is added to it.
    case normGradient(NormKind, axes: Int, epsilon: Float, isSummed: Bool)
    /// `x`, `dy`: the gradients of `scale` and `bias`, `[2, K...]`.
    case normFactorsGradient(NormKind, axes: Int, epsilon: Float)
    /// `x`, `dy`, which has as many elements as `x` on the other axes.
    case productGradient(axes: [Int])
    /// `dy`.
    case resampleGradient(Resampling, axis: Int)
    /// `dy`, `weight`; the shape is that of `x`. A file has it as `ConvTranspose`.
    case convolutionDataGradient(Window, groups: Int, Shape)
    /// `x`, `dy`; the shape is that of `weight`.
    case convolutionWeightGradient(Window, groups: Int, Shape)
    /// `x`, `dy`.
    case maxPoolGradient(Window)
    /// `dy`; the shape is that of `x`.
    case averagePoolGradient(Window, countsPadding: Bool, Shape)
    /// `dy`; zeros around and between up to the shape.
    case padSlice(axis: Int, start: Int, step: Int, Shape)
    /// `dy`; the shape is that of `x`.
    case padGradient(PadKind, before: [Int], after: [Int], Shape)
    /// `indices`, `dy`; the shape is that of `x`.
    case gatherGradient(axis: Int, Shape)
    /// `logits`, `labels`, `dLoss`.
    case crossEntropyGradient(ignoring: Int64)
    /// `teacher`, `student`, `dLoss`: the gradient of `student`.
    case distillationGradient
    /// `logits`, `targets`, `dLoss`: the gradient of `logits`.
    case binaryCrossEntropyGradient
    /// `left`, `right`, `dLoss`: the gradient of `left`.
    case meanSquareGradient
}
