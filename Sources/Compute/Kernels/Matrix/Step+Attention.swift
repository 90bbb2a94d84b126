import Glibc

// B samples, H heads, S query positions, T key positions, D the size of a head's keys, E of its values.
extension Step {
    /// Computes `softmax(scale * Q K' + mask) V` for each head. Nothing of the size S * T is stored.
    ///
    /// - `attention`: the views of the heads in the operands and in the result
    /// - `query`: the value that the queries are read from; likewise the others
    /// - Throws: ``ComputeError/shape(_:)`` unless the views lie inside their values.
    /// - SeeAlso: Dao, Fu, Ermon, Rudra, Ré: FlashAttention, arXiv:2205.14135
    package static func attention(
        _ attention: Attention, query: Tensor, key: Tensor, value: Tensor, mask: Tensor?, into result: Tensor
    ) throws(ComputeError) -> Step {
        let operands = try HeadOperands(attention, query: query, key: key, value: value, mask: mask)
        try attention.result.require(inside: result)
        let target = unsafe result.target()
        let workers = try HeadWorker.team(attention) { size throws(ComputeError) in
            try unsafe ForwardHeads(attention, operands, size, result: target)
        }
        return Step(
            "attention", keeping: [query, key, value, result] + (mask.map { [$0] } ?? []),
            operations: 2 * attention.headCount * attention.queryCount * attention.keyCount
                * (attention.depth + attention.valueDepth)
        ) {
            inParallel(workers.count, grain: 1) { parts, _ in
                for part in parts { workers[part].run() }
            }
        }
    }

    /// The gradients of ``attention(_:query:key:value:mask:into:)`` with respect to the query, the key and the value.
    /// The scores are recomputed.
    ///
    /// - `parts`: the layout of the gradients in the result
    /// - `dy`: in the layout of the forward result
    /// - `result`: flat, as long as the parts
    /// - Throws: ``ComputeError/shape(_:)`` unless the views lie inside their values.
    package static func attentionBackward(
        _ attention: Attention, _ parts: AttentionParts, query: Tensor, key: Tensor, value: Tensor, dy: Tensor,
        mask: Tensor?, into result: Tensor
    ) throws(ComputeError) -> Step {
        let operands = try HeadOperands(attention, query: query, key: key, value: value, mask: mask)
        try attention.result.require(inside: dy)
        try result.shape.require(.of([parts.elementCount]), for: "attention backward")
        let (incoming, target) = try unsafe (dy.source(), result.target())
        for (index, view) in [attention.query, attention.key, attention.value].enumerated() {
            guard view.fits(parts.ranges[parts.indices[index]].count) else {
                throw .shape(.unsuitable(operation: "attention", result.shape, reason: "has too small a part"))
            }
        }
        let workers = try HeadWorker.team(attention) { size throws(ComputeError) in
            try unsafe BackwardHeads(attention, operands, size, dy: incoming, parts: parts, result: target)
        }
        let gaps = zip(parts.ranges, parts.areFull).filter { !$0.1 }.map(\.0)
        return Step(
            "attention backward", keeping: [query, key, value, dy, result] + (mask.map { [$0] } ?? []),
            operations: 2 * attention.headCount * attention.queryCount * attention.keyCount
                * (3 * attention.depth + 2 * attention.valueDepth)
        ) {
            // SAFETY: the result is as long as the parts.
            for gap in gaps { unsafe (target + gap.lowerBound).update(repeating: 0, count: gap.count) }
            inParallel(workers.count, grain: 1) { parts, _ in
                for part in parts { workers[part].run() }
            }
        }
    }
}

extension Attention {
    /// The bytes of memory that the kernel keeps for the heads it works on.
    package func scratchByteCount(isBackward: Bool) -> Int {
        let floats = isBackward ? BackwardHeads.floatsPerHead(self) : ForwardHeads.floatsPerHead(self)
        let count = min(threadCount, headCount)
        return count * HeadWorker.chunk(of: self, floatsPerHead: floats, threads: count) * floats
            * MemoryLayout<Float>.stride
    }
}

extension StridedView {
    fileprivate func require(inside tensor: Tensor) throws(ComputeError) {
        guard fits(tensor.shape.elementCount) else {
            throw .shape(.unsuitable(operation: "attention", tensor.shape, reason: "does not hold its view"))
        }
    }
}

/// The addresses of the operands.
@safe private struct HeadOperands {
    let query: UnsafeMutablePointer<Float>
    let key: UnsafeMutablePointer<Float>
    let value: UnsafeMutablePointer<Float>
    let mask: UnsafeMutablePointer<Float>?

    init(
        _ attention: Attention, query: Tensor, key: Tensor, value: Tensor, mask: Tensor?
    ) throws(ComputeError) {
        try attention.query.require(inside: query)
        try attention.key.require(inside: key)
        try attention.value.require(inside: value)
        if let mask { try attention.mask?.require(inside: mask) }
        unsafe self.query = try query.source()
        unsafe self.key = try key.source()
        unsafe self.value = try value.source()
        unsafe self.mask = attention.mask == nil ? nil : try mask?.source()
    }
}

/// One thread's share of the heads, processed in chunks that fit into its cache.
private struct HeadWorker {
    /// The number of heads processed together.
    let chunk: Int
    let heads: Range<Int>
    let body: (_ first: Int) -> Void

    /// The memory limit of one chunk in bytes: half of a typical second-level cache.
    private static let chunkBytes = 512 << 10

    /// Creates one worker per thread; `prepare` creates the computation of a chunk of so many heads.
    static func team<Chunk: HeadChunk>(
        _ attention: Attention, _ prepare: (Int) throws(ComputeError) -> Chunk
    ) throws(ComputeError) -> [HeadWorker] {
        let (all, threads) = (attention.headCount, threadCount)
        let count = min(threads, all)
        let chunk = chunk(of: attention, floatsPerHead: Chunk.floatsPerHead(attention), threads: count)
        // A product that runs within one thread is prepared for one thread.
        setThreads(1)
        defer { setThreads(threads) }
        var workers: [HeadWorker] = []
        for part in 0..<count {
            let body = try prepare(chunk)
            workers.append(
                HeadWorker(chunk: chunk, heads: all * part / count..<all * (part + 1) / count, body: body.run))
        }
        return workers
    }

    /// The number of heads that one thread processes at a time.
    static func chunk(of attention: Attention, floatsPerHead: Int, threads: Int) -> Int {
        let bytes = floatsPerHead * MemoryLayout<Float>.stride
        return max(1, min(chunkBytes / max(1, bytes), attention.headCount / threads))
    }

    func run() {
        for start in stride(from: heads.lowerBound, to: heads.upperBound, by: chunk) {
            // The last chunk repeats some heads, to avoid a product of another size.
            body(min(start, heads.upperBound - chunk))
        }
    }
}

/// The computation of one thread on a chunk of heads.
private protocol HeadChunk {
    static func floatsPerHead(_ attention: Attention) -> Int
    func run(first: Int)
}

/// The attention weights of a chunk of heads, `p = softmax(scale * q k' + mask)`, in dense memory.
@safe private struct HeadScores {
    let attention: Attention
    let operands: HeadOperands
    /// The number of heads in a chunk.
    let count: Int
    /// `[count, S, D]`, times the scale.
    let query: Tensor
    /// `[count, T, D]`
    let key: Tensor
    /// `[count, T, E]`
    let value: Tensor
    /// `[count, S, T]`
    let shares: Tensor
    private let product: Step
    private let maskStrides: [Int]

    static func floatsPerHead(_ a: Attention) -> Int {
        (a.queryCount + a.keyCount) * a.depth + a.keyCount * a.valueDepth + a.queryCount * a.keyCount
    }

    init(_ attention: Attention, _ operands: HeadOperands, _ count: Int) throws(ComputeError) {
        (self.attention, self.operands, self.count) = (attention, operands, count)
        let (S, T) = (attention.queryCount, attention.keyCount)
        query = try .scratch(.of([count, S, attention.depth]))
        key = try .scratch(.of([count, T, attention.depth]))
        value = try .scratch(.of([count, T, attention.valueDepth]))
        shares = try .scratch(.of([count, S, T]))
        product = try .matMul(query, transposed: false, key, transposed: true, bias: nil, into: shares)
        maskStrides = attention.mask?.strides ?? [0, 0, 0, 0]
    }

    func run(first: Int) {
        let heads = first..<(first + count)
        // SAFETY: the views lie inside the operands (HeadOperands.init), the dense tensors hold `count` heads.
        unsafe attention.query.gather(heads, from: operands.query, times: attention.scale, into: query.target())
        unsafe attention.key.gather(heads, from: operands.key, times: 1, into: key.target())
        unsafe attention.value.gather(heads, from: operands.value, times: 1, into: value.target())
        product.run()
        let (S, T) = (attention.queryCount, attention.keyCount)
        let p = unsafe shares.target()
        for head in 0..<count {
            let (sample, own) = (first + head).quotientAndRemainder(dividingBy: attention.query.sizes[1])
            for row in 0..<S {
                let scores = unsafe p + (head * S + row) * T
                if let mask = unsafe operands.mask {
                    let offset = sample * maskStrides[0] + own * maskStrides[1] + row * maskStrides[2]
                    unsafe addMask(mask + (attention.mask?.offset ?? 0) + offset, maskStrides[3], to: scores, T)
                }
                let total = unsafe softmax(scores, count: T)
                if attention.zeroesEmptyRows, total.isNaN { unsafe scores.update(repeating: 0, count: T) }
            }
        }
    }

    @inline(__always)
    private func addMask(
        _ mask: UnsafeMutablePointer<Float>, _ stride: Int, to scores: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        guard stride == 1 else {
            for index in 0..<count { unsafe scores[index] += mask[index * stride] }
            return
        }
        var index = 0
        while index &+ 8 <= count {
            unsafe store8(load8(scores + index) + load8(mask + index), scores + index)
            index &+= 8
        }
        while index < count {
            unsafe scores[index] += mask[index]
            index &+= 1
        }
    }
}

/// `exp(x) / sum(exp(x))` of one row, in place.
///
/// - Returns: the sum; NaN if the largest element is minus infinity.
@inline(__always)
private func softmax(_ x: UnsafeMutablePointer<Float>, count: Int) -> Float {
    let whole = count & ~7
    let rest = count - whole
    var largest = SIMD8<Float>(repeating: -.infinity)
    if rest > 0 { largest = unsafe load8(x + whole, count: rest, rest: -.infinity) }
    for index in stride(from: 0, to: whole, by: 8) { unsafe largest = larger(largest, load8(x + index)) }
    let top = SIMD8(repeating: largest.largest)
    var sums = SIMD8<Float>()
    for index in stride(from: 0, to: whole, by: 8) {
        let e = unsafe exponential(load8(x + index) - top)
        unsafe store8(e, x + index)
        sums += e
    }
    if rest > 0 {
        let e = unsafe exponential(load8(x + whole, count: rest, rest: -.infinity) - top)
        unsafe store8(e, x + whole, count: rest)
        // A row of only minus infinity is NaN everywhere; the lanes past its end must not hide that.
        for lane in 0..<rest { sums[lane] += e[lane] }
    }
    let total = sums.total
    let share = 1 / total
    for index in stride(from: 0, to: whole, by: 8) { unsafe store8(load8(x + index) * share, x + index) }
    for index in whole..<count { unsafe x[index] *= share }
    return total
}

/// The forward pass of a chunk of heads.
@safe private struct ForwardHeads: HeadChunk {
    private let scores: HeadScores
    /// `[count, S, E]`
    private let mixed: Tensor
    private let product: Step
    private let result: UnsafeMutablePointer<Float>

    static func floatsPerHead(_ a: Attention) -> Int { HeadScores.floatsPerHead(a) + a.queryCount * a.valueDepth }

    init(
        _ attention: Attention, _ operands: HeadOperands, _ count: Int, result: UnsafeMutablePointer<Float>
    ) throws(ComputeError) {
        scores = try HeadScores(attention, operands, count)
        mixed = try .scratch(.of([count, attention.queryCount, attention.valueDepth]))
        product = try .matMul(
            scores.shares, transposed: false, scores.value, transposed: false, bias: nil, into: mixed)
        unsafe self.result = result
    }

    func run(first: Int) {
        scores.run(first: first)
        product.run()
        // SAFETY: the view lies inside the result.
        unsafe scores.attention.result.scatter(
            first..<(first + scores.count), from: mixed.target(), times: 1, into: result)
    }
}

/// The backward pass of a chunk of heads.
@safe private struct BackwardHeads: HeadChunk {
    private let scores: HeadScores
    /// `[count, S, E]`
    private let dy: Tensor
    /// The gradient of the attention weights, then of the scores: `[count, S, T]`.
    private let dScores: Tensor
    private let dQuery: Tensor
    private let dKey: Tensor
    private let dValue: Tensor
    private let (valueProduct, shareProduct, queryProduct, keyProduct): (Step, Step, Step, Step)
    private let incoming: UnsafeMutablePointer<Float>
    /// The offsets in the result of the gradients of the query, the key and the value.
    private let starts: [Int]
    private let result: UnsafeMutablePointer<Float>

    static func floatsPerHead(_ a: Attention) -> Int { 2 * HeadScores.floatsPerHead(a) + a.queryCount * a.valueDepth }

    init(
        _ attention: Attention, _ operands: HeadOperands, _ count: Int, dy incoming: UnsafeMutablePointer<Float>,
        parts: AttentionParts, result: UnsafeMutablePointer<Float>
    ) throws(ComputeError) {
        scores = try HeadScores(attention, operands, count)
        dy = try .scratch(.of([count, attention.queryCount, attention.valueDepth]))
        dScores = try .scratch(scores.shares.shape)
        dQuery = try .scratch(scores.query.shape)
        dKey = try .scratch(scores.key.shape)
        dValue = try .scratch(scores.value.shape)
        valueProduct = try .matMul(scores.shares, transposed: true, dy, transposed: false, bias: nil, into: dValue)
        shareProduct = try .matMul(dy, transposed: false, scores.value, transposed: true, bias: nil, into: dScores)
        queryProduct = try .matMul(dScores, transposed: false, scores.key, transposed: false, bias: nil, into: dQuery)
        keyProduct = try .matMul(dScores, transposed: true, scores.query, transposed: false, bias: nil, into: dKey)
        unsafe self.incoming = incoming
        starts = parts.indices.map { parts.ranges[$0].lowerBound }
        unsafe self.result = result
    }

    func run(first: Int) {
        let attention = scores.attention
        let heads = first..<(first + scores.count)
        scores.run(first: first)
        // SAFETY: the views lie inside `dy` and the parts of the result; the dense tensors hold as many heads.
        unsafe attention.result.gather(heads, from: incoming, times: 1, into: dy.target())
        valueProduct.run()
        shareProduct.run()
        let T = attention.keyCount
        let (p, d) = unsafe (scores.shares.target(), dScores.target())
        for row in 0..<scores.count * attention.queryCount {
            // dScores = p * (dp - sum(p * dp))
            let (p, d) = unsafe (p + row * T, d + row * T)
            let centre = sum(T) { unsafe $0.of(p) * $0.of(d) }
            for index in stride(from: 0, to: T & ~7, by: 8) {
                unsafe store8(load8(p + index) * (load8(d + index) - centre), d + index)
            }
            for index in T & ~7..<T { unsafe d[index] = p[index] * (d[index] - centre) }
        }
        queryProduct.run()
        keyProduct.run()
        unsafe attention.query.scatter(
            heads, from: dQuery.target(), times: attention.scale, into: result + starts[0])
        // The gathered query already contains the scale.
        unsafe attention.key.scatter(heads, from: dKey.target(), times: 1, into: result + starts[1])
        unsafe attention.value.scatter(heads, from: dValue.target(), times: 1, into: result + starts[2])
    }
}

// SAFETY of all: the callers checked that the view of four axes lies inside `values`, and pass dense memory of its
// size.
extension StridedView {
    /// Copies heads, counted over the first two axes, to dense memory.
    fileprivate func gather(
        _ heads: Range<Int>, from values: UnsafeMutablePointer<Float>, times factor: Float,
        into dense: UnsafeMutablePointer<Float>
    ) {
        let (rows, width) = (sizes[2], sizes[3])
        var target = unsafe dense
        for head in heads {
            let source = unsafe values + start(of: head)
            for row in 0..<rows {
                unsafe Self.copy(source + row * strides[2], stride: strides[3], factor, to: target, stride: 1, width)
                unsafe target += width
            }
        }
    }

    /// Copies heads from dense memory to their places in the view.
    fileprivate func scatter(
        _ heads: Range<Int>, from dense: UnsafeMutablePointer<Float>, times factor: Float,
        into values: UnsafeMutablePointer<Float>
    ) {
        let (rows, width) = (sizes[2], sizes[3])
        var source = unsafe dense
        for head in heads {
            let target = unsafe values + start(of: head)
            for row in 0..<rows {
                unsafe Self.copy(source, stride: 1, factor, to: target + row * strides[2], stride: strides[3], width)
                unsafe source += width
            }
        }
    }

    private func start(of head: Int) -> Int {
        let (sample, own) = head.quotientAndRemainder(dividingBy: sizes[1])
        return offset + sample * strides[0] + own * strides[1]
    }

    @inline(__always)
    private static func copy(
        _ source: UnsafeMutablePointer<Float>, stride sourceStride: Int, _ factor: Float,
        to target: UnsafeMutablePointer<Float>, stride targetStride: Int, _ count: Int
    ) {
        var index = 0
        if sourceStride == 1, targetStride == 1 {
            while index &+ 8 <= count {
                unsafe store8(load8(source + index) * factor, target + index)
                index &+= 8
            }
        }
        while index < count {
            unsafe target[index &* targetStride] = source[index &* sourceStride] * factor
            index &+= 1
        }
    }
}
