// B samples, H heads, S places that ask, T places that answer, D the size of a head's keys, E of its values.

/// `softmax(scale * Q K' + mask) V` for each head, with each operand read where it lies in a larger value.
package struct Attention: Hashable, Sendable {
    package let scale: Float
    /// `[B, H, S, D]`
    package let query: StridedView
    /// `[B, H, T, D]`
    package let key: StridedView
    /// `[B, H, T, E]`
    package let value: StridedView
    /// `[B, H, S, T]`, where strides of zero stretch it.
    package let mask: StridedView?
    /// `[B, H, S, E]`
    package let result: StridedView
    /// Whether a place that may ask nobody, as all of its mask is minus infinity, is told zeros and not what is no number.
    package let silencesEmptyRows: Bool

    /// Nil unless the sizes fit each other.
    package init?(
        scale: Float, query: StridedView, key: StridedView, value: StridedView, mask: StridedView?,
        result: StridedView, silencesEmptyRows: Bool = false
    ) {
        let views = [query, key, value, result] + (mask.map { [$0] } ?? [])
        guard views.allSatisfy({ $0.sizes.count == 4 && $0.sizes.allSatisfy { $0 > 0 } }) else { return nil }
        let (sizes, places) = (query.sizes, key.sizes[2])
        guard views.allSatisfy({ $0.sizes[0] == sizes[0] && $0.sizes[1] == sizes[1] }),
            key.sizes[3] == sizes[3], value.sizes[2] == places,
            result.sizes[2] == sizes[2], result.sizes[3] == value.sizes[3],
            mask.map({ $0.sizes[2] == sizes[2] && $0.sizes[3] == places }) ?? true
        else { return nil }
        self.scale = scale
        self.query = query
        self.key = key
        self.value = value
        self.mask = mask
        self.result = result
        self.silencesEmptyRows = silencesEmptyRows
    }

    /// B * H
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

/// How the derivatives by the operands of an ``Attention`` lie behind each other in one flat tensor: one part for each
/// different value that they were read from, of its size.
package struct AttentionParts: Hashable, Sendable {
    /// Which part belongs to the query, the key and the value.
    package let indices: [Int]
    /// Where each part starts, and how long it is.
    package let ranges: [Range<Int>]
    /// Whether the views of a part reach all of it.
    package let areFull: [Bool]

    /// Nil where two derivatives would be written to one place.
    ///
    /// - Parameters:
    ///   - attention: where the operands lie.
    ///   - indices: which part belongs to the query, the key and the value; each new one is the next number.
    ///   - counts: how many elements each part has.
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
        self.indices = indices
        self.ranges = ranges
        self.areFull = areFull
    }

    package var elementCount: Int { ranges.last?.upperBound ?? 0 }
}
