// B samples, H heads, S query positions, T key positions, D the size of a head's keys, E of its values.

/// The computation `softmax(scale * Q K' + mask) V` for each head, with each operand read in place in a larger value.
package struct Attention: Hashable, Sendable {
    package let scale: Float
    /// `[B, H, S, D]`
    package let query: StridedView
    /// `[B, H, T, D]`
    package let key: StridedView
    /// `[B, H, T, E]`
    package let value: StridedView
    /// `[B, H, S, T]`, broadcast by strides of zero.
    package let mask: StridedView?
    /// `[B, H, S, E]`
    package let result: StridedView
    /// True when a query whose mask is minus infinity for every key yields zeros instead of NaN.
    package let zeroesEmptyRows: Bool

    /// Returns nil unless the sizes are consistent.
    package init?(
        scale: Float, query: StridedView, key: StridedView, value: StridedView, mask: StridedView?,
        result: StridedView, zeroesEmptyRows: Bool = false
    ) {
        let views = [query, key, value, result] + (mask.map { [$0] } ?? [])
        guard views.allSatisfy({ $0.sizes.count == 4 && $0.sizes.allSatisfy { $0 > 0 } }) else { return nil }
        let (sizes, places) = (query.sizes, key.sizes[2])
        guard views.allSatisfy({ $0.sizes[0] == sizes[0] && $0.sizes[1] == sizes[1] }),
            key.sizes[3] == sizes[3], value.sizes[2] == places,
            result.sizes[2] == sizes[2], result.sizes[3] == value.sizes[3],
            mask.map({ $0.sizes[2] == sizes[2] && $0.sizes[3] == places }) ?? true
        else { return nil }
        (self.scale, self.query, self.key, self.value, self.mask) = (scale, query, key, value, mask)
        (self.result, self.zeroesEmptyRows) = (result, zeroesEmptyRows)
    }

    /// The number of heads of all samples, B * H.
    package var headCount: Int { query.sizes[0] * query.sizes[1] }
    /// S
    package var queryCount: Int { query.sizes[2] }
    /// T
    package var keyCount: Int { key.sizes[2] }
    /// D
    package var depth: Int { query.sizes[3] }
    /// E
    package var valueDepth: Int { value.sizes[3] }
}

/// The layout of the gradients of an ``Attention``'s operands in one flat tensor: consecutive parts, one for each
/// distinct value that operands are read from, of its size.
package struct AttentionParts: Hashable, Sendable {
    /// The part numbers of the query, the key and the value.
    package let indices: [Int]
    /// The range of elements of each part.
    package let ranges: [Range<Int>]
    /// True for each part that its views cover completely.
    package let areFull: [Bool]

    /// Returns nil when two gradients would be written to one element.
    ///
    /// - Parameters:
    ///   - attention: the views of the operands.
    ///   - indices: the part numbers of the query, the key and the value; each new part takes the next number.
    ///   - counts: the number of elements of each part.
    package init?(_ attention: Attention, indices: [Int], counts: [Int]) {
        let views = [attention.query, attention.key, attention.value]
        var (ranges, areFull): ([Range<Int>], [Bool]) = ([], [])
        for (part, count) in counts.enumerated() {
            let own = zip(indices, views).filter { $0.0 == part }.map(\.1)
            guard StridedView.areDisjoint(own, of: count) else { return nil }
            // Each part starts at a cache line.
            let start = ((ranges.last?.upperBound ?? 0) + 15) / 16 * 16
            ranges.append(start..<(start + count))
            areFull.append(own.reduce(0) { $0 + $1.elementCount } == count)
        }
        (self.indices, self.ranges, self.areFull) = (indices, ranges, areFull)
    }

    package var elementCount: Int { ranges.last?.upperBound ?? 0 }
}
