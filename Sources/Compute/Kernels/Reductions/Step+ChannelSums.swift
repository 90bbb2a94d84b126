// N samples, C channels in blocks of B, S positions in each.
extension Step {
    /// Sums each channel of images that are stored in blocks of channels.
    ///
    /// - `x`: `[N, C, ...]`, in blocks
    /// - `result`: `[C]`, or with ones for the other axes
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has as many elements as there are channels.
    static func channelSums(_ x: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        let (N, C, B) = (x.shape[0], x.shape[1], x.block)
        let S = x.shape.dimensions.dropFirst(2).reduce(1, *)
        guard result.shape.elementCount == C else {
            throw .shape(.mismatch(operation: "sum", x.shape, result.shape))
        }
        let (a, y) = try unsafe (x.source(), result.target())
        let groups = C / 8
        return Step("sum", keeping: [x, result]) {
            inParallel(groups, grain: max(1, manyElements / max(1, N * S * 8))) { groups, _ in
                for group in groups {
                    let (block, lane) = (group / (B / 8), group % (B / 8) * 8)
                    var sum = SIMD8<Float>()
                    for n in 0..<N {
                        // One sum per sample: the error grows with the number of terms.
                        var own = SIMD8<Float>()
                        // SAFETY: eight channels of the S positions of one sample, each B apart.
                        let start = unsafe UnsafeRawPointer(a + (n * C / B + block) * S * B + lane)
                        for s in 0..<S {
                            own += unsafe start.loadUnaligned(fromByteOffset: s * B * 4, as: SIMD8<Float>.self)
                        }
                        sum += own
                    }
                    for index in 0..<8 { unsafe y[block * B + lane + index] = sum[index] }
                }
            }
        }
    }
}
