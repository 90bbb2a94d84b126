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
    /// `x [N, C, ...]`, `weight [O, C / groups, ...]`, optionally `bias [O]`.
    case convolution(Window, groups: Int)

    // MARK: Element by element
    /// Two operands under numpy's broadcasting.
    case binary(BinaryKind)
    case unary(UnaryKind)
    /// `x`, `slope` (which broadcasts to `x`): `max(x, 0) + slope * min(x, 0)`.
    case prelu
    /// `x [N, C, ...]`, `scale [C]`, `bias [C]`, `mean [C]`, `variance [C]`, on its running statistics.
    case batchNorm(epsilon: Float)
    case cast(ElementType)

    // MARK: Along axes
    case softmax(axis: Int)
    case reduce(ReduceKind, axes: [Int], keepsAxes: Bool)
    /// `x [N, C, ...]`; the padding counts as minus infinity.
    case maxPool(Window)
    case averagePool(Window, countsPadding: Bool)

    // MARK: Shape
    case reshape(Shape)
    case transpose([Int])
    case concat(axis: Int)
    case slice(axis: Int, start: Int, count: Int)
    case broadcast(Shape)

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
    /// `x`, `dy`.
    case unaryGradient(UnaryKind)
    /// `x`, `slope`, `dy`: the derivative by `x`.
    case preluGradient
    /// `x`, `slope`, `dy`: the derivative by `slope`.
    case preluSlopeGradient
    /// `y`, `dy`.
    case softmaxGradient(axis: Int)
    /// `dy`, `weight`; the shape is that of `x`.
    case convolutionDataGradient(Window, groups: Int, Shape)
    /// `x`, `dy`; the shape is that of `weight`.
    case convolutionWeightGradient(Window, groups: Int, Shape)
    /// `x`, `dy`.
    case maxPoolGradient(Window)
    /// `dy`; the shape is that of `x`.
    case averagePoolGradient(Window, countsPadding: Bool, Shape)
    /// `dy`; zeros around it up to the shape.
    case padSlice(axis: Int, start: Int, Shape)
    /// `logits`, `labels`, `dLoss`.
    case crossEntropyGradient(ignoring: Int64)
    /// `teacher`, `student`, `dLoss`: the derivative by `student`.
    case distillationGradient
    /// `logits`, `targets`, `dLoss`: the derivative by `logits`.
    case binaryCrossEntropyGradient
    /// `left`, `right`, `dLoss`: the derivative by `left`.
    case meanSquareGradient
}
