package import Compute

/// What one node of a ``Graph`` computes. Every op has one result.
///
/// Operands are named in the comments, outermost size first; `...` stands for any leading sizes. The ops under
/// "derivatives" are made by ``Graph/gradients(of:withRespectTo:)`` and never come from a file.
package enum Op: Sendable {
    // MARK: Leaves
    /// A tensor that the caller sets before each run.
    case input(String)
    /// `Graph.parameters[index]`.
    case parameter(Int)
    case constant(Tensor)

    // MARK: Linear
    /// `a [..., M, K]`, `b [..., K, N]`, optionally `bias [N]`; the transposes swap the last two axes before the product.
    case matMul(transposeLeft: Bool, transposeRight: Bool)
    /// As ``matMul(transposeLeft:transposeRight:)``, with `bias [N]` and `other [..., M, N]` where the epilogue has them. Made by
    /// ``Graph/fuseProducts(seen:)``, not by a file.
    case fusedMatMul(transposeLeft: Bool, transposeRight: Bool, Epilogue)
    /// The query, the key and the value, each of which may be a part of one operand, optionally the mask: of the shape, in
    /// which the attention's result lies. Made by ``Graph/fuseAttention(trained:fetched:)``, not by a file.
    case attention(Attention, Shape)
    /// `x [N, C, ...]`, `weight [O, C / groups, ...]`, optionally `bias [O]`.
    case convolution(Window, groups: Int)
    /// As ``convolution(_:groups:)``, and a function of each element of its result. Made by ``Graph/fuseProducts(seen:)``, not by a
    /// file.
    case fusedConvolution(Window, groups: Int, activation: UnaryKind)

    // MARK: Element by element
    /// Two operands of float32, int64 or int32 under numpy's broadcasting.
    case binary(BinaryKind)
    /// Two operands of one type, any, under numpy's broadcasting; the result is of bool.
    case compare(CompareKind)
    /// Two operands of bool under numpy's broadcasting.
    case logical(LogicalKind)
    /// `x` of float32, or of bool for ``PredicateKind/not``; the result is of bool.
    case predicate(PredicateKind)
    /// `condition` of bool, `a`, `b` of one type, any; all three under numpy's broadcasting: `a` where the condition is true.
    case select
    /// `x` of float32; ``UnaryKind/negate``, ``UnaryKind/absolute`` and ``UnaryKind/sign`` also of int64 and int32.
    case unary(UnaryKind)
    /// `x`, `slope` (which broadcasts to `x`): `max(x, 0) + slope * min(x, 0)`.
    case prelu
    /// `x [N, C, ...]`, `scale [C]`, `bias [C]`, `mean [C]`, `variance [C]`, on its running statistics.
    case batchNorm(epsilon: Float)
    case cast(ElementType)
    /// Operands of float32 under numpy's broadcasting. Made by ``Graph/fuseChains(seen:)``, not by a file.
    case chain(ElementChain)

    // MARK: Along axes
    case softmax(axis: Int)
    case logSoftmax(axis: Int)
    /// `x [..., K...]`, optionally `scale [K...]`, optionally `bias [K...]`, with `axes` sizes in `K...`.
    case norm(NormKind, axes: Int, epsilon: Float)
    /// `x` of float32, or of int64 or int32 but for ``ReduceKind/l2`` and the logarithms.
    case reduce(ReduceKind, axes: [Int], keepsAxes: Bool)
    /// `x` of float32, int64 or int32; the result is of int64.
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
    /// Every `step`th element from `start` on; backwards where the step is negative.
    case slice(axis: Int, start: Int, count: Int, step: Int = 1)
    case broadcast(Shape)
    /// `x`, optionally `value`, one element that stands around `x`; negative counts take away.
    case pad(PadKind, before: [Int], after: [Int])
    /// `x [..., M, N]`: one triangle of each matrix, with zeros in place of the other.
    case triangle(isUpper: Bool, diagonal: Int)

    // MARK: By indices of int64 or int32; a negative one counts from the end, and what lies outside is zero
    /// `x [A..., D, B...]`, `indices [I...]`: `[A..., I..., B...]`; `x` of any type.
    case gather(axis: Int)
    /// `x`, `indices` of the same rank and nowhere longer but on the axis; `x` of any type.
    case gatherElements(axis: Int)
    /// `x [B..., D..., R...]`, `indices [B..., I..., count of D]`: `[B..., I..., R...]`; `x` of any type.
    case gatherND(batchAxes: Int)
    /// `x`, `indices`, `updates` of the shape of `indices`, for whom ``gatherElements(axis:)`` tells the places.
    case scatterElements(ScatterKind, axis: Int)
    /// `x`, `indices`, `updates [B..., I..., R...]`, for whom ``gatherND(batchAxes:)`` tells the places.
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

    // MARK: Derivatives
    /// The query, the key, the value, `dy`, optionally the mask: the derivatives by the first three, flat, in parts.
    case attentionGradient(Attention, AttentionParts)
    /// `x`, `dy`.
    case unaryGradient(UnaryKind)
    /// `a`, `b`, `dy`: the derivative by one of the two, of the shape of `dy`.
    case binaryGradient(BinaryKind, isLeft: Bool)
    /// `x`, `slope`, `dy`: the derivative by `x`.
    case preluGradient
    /// `x`, `slope`, `dy`: the derivative by `slope`.
    case preluSlopeGradient
    /// `y`, `dy`.
    case softmaxGradient(axis: Int)
    /// `y`, `dy`.
    case logSoftmaxGradient(axis: Int)
    /// `x`, `dy`, optionally `scale`: the derivative by `x`. Where it is summed the last operand is added to it.
    case normGradient(NormKind, axes: Int, epsilon: Float, isSummed: Bool)
    /// `x`, `dy`: the derivatives by `scale` and by `bias`, `[2, K...]`.
    case normFactorsGradient(NormKind, axes: Int, epsilon: Float)
    /// `x`, `dy`, which has as many elements as `x` on the other axes.
    case productGradient(axes: [Int])
    /// `dy`.
    case resampleGradient(Resampling, axis: Int)
    /// `dy`, `weight`; the shape is that of `x`.
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
    /// `teacher`, `student`, `dLoss`: the derivative by `student`.
    case distillationGradient
    /// `logits`, `targets`, `dLoss`: the derivative by `logits`.
    case binaryCrossEntropyGradient
    /// `left`, `right`, `dLoss`: the derivative by `left`.
    case meanSquareGradient
}
