import Glibc

extension Step {
    /// Copies `x` to a tensor of the same type and count.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the counts are equal.
    package static func copy(_ x: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        precondition(x.type == result.type, "a copy keeps the type")
        guard x.shape.elementCount == result.shape.elementCount else {
            throw .shape(.mismatch(operation: "copy", x.shape, result.shape))
        }
        return Step("copy", keeping: [x, result]) { result.copy(from: x) }
    }

    /// Sets every element of a float32 tensor.
    package static func fill(_ x: Tensor, value: Float) throws(ComputeError) -> Step {
        let (y, count) = unsafe (x.target(), x.shape.elementCount)
        // SAFETY: `x` holds `count` elements.
        return Step("fill", keeping: [x]) { unsafe y.update(repeating: value, count: count) }
    }

    /// Broadcasts `x` to the shape of `result`; any element type.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless `x` broadcasts to it.
    package static func broadcast(_ x: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        precondition(x.type == result.type, "a copy keeps the type")
        return switch x.type.byteCount {
        case 1: try broadcast(x, as: UInt8.self, into: result)
        case 4: try broadcast(x, as: UInt32.self, into: result)
        default: try broadcast(x, as: UInt64.self, into: result)
        }
    }

    private static func broadcast<Element: BitwiseCopyable>(
        _ x: Tensor, as type: Element.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        try result.shape.require(.broadcast(x.shape, result.shape), for: "broadcast")
        let sizes = result.shape.dimensions
        let loop = StridedLoop(
            sizes, strides: [rowMajorStrides(sizes), StridedLoop.strides(of: x.shape, stretchedTo: sizes)])
        let (a, y) = try unsafe (x.source(as: type), result.target(as: type))
        guard result.shape.elementCount > 0 else { return Step("broadcast", keeping: []) {} }
        return Step("broadcast", keeping: [x, result]) {
            loop.forEachRow { offsets in
                // SAFETY: the loop stays inside the result's sizes, and the strides are those of the shapes.
                let (from, to) = unsafe (a + offsets[1], y + offsets[0])
                if loop.row.strides[1] == 0 {
                    unsafe to.update(repeating: from[0], count: loop.row.count)
                } else {
                    unsafe to.update(from: from, count: loop.row.count)
                }
            }
        }
    }

    /// Concatenates tensors that differ only in one axis; any element type.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless they fit.
    package static func concat(_ xs: [Tensor], axis: Int, into result: Tensor) throws(ComputeError) -> Step {
        precondition(result.storage.isWritable, "a borrowed tensor is never written")
        var blocks: [AxisBlock] = []
        var start = 0
        for x in xs {
            blocks.append(try AxisBlock(part: x, whole: result, axis: axis, start: start, "concat"))
            start += x.shape[axis]
        }
        guard start == result.shape[axis] else {
            let reason = "does not hold \(start) on axis \(axis)"
            throw .shape(.unsuitable(operation: "concat", result.shape, reason: reason))
        }
        return Step("concat", keeping: xs + [result]) {
            for block in blocks { block.put() }
        }
    }

    /// Slices `x` along one axis: every `step`th element from `start` on, as many as `result` has; any element type.
    ///
    /// - `step`: negative to go backwards
    /// - Throws: ``ComputeError/shape(_:)`` unless the elements lie inside.
    package static func slice(
        _ x: Tensor, axis: Int, start: Int, step: Int = 1, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(result.storage.isWritable, "a borrowed tensor is never written")
        let block = try AxisBlock(part: result, whole: x, axis: axis, start: start, step: step, "slice")
        return Step("slice", keeping: [x, result], block.take)
    }

    /// Writes `dy` at every `step`th index of `dx` from `start` on along one axis, with zeros elsewhere; any element
    /// type.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless it lies inside.
    package static func padSlice(
        _ dy: Tensor, axis: Int, start: Int, step: Int = 1, into dx: Tensor
    ) throws(ComputeError) -> Step {
        let block = try AxisBlock(part: dy, whole: dx, axis: axis, start: start, step: step, "padSlice")
        let (y, byteCount) = unsafe (dx.writableBytes, dx.byteCount)
        return Step("padSlice", keeping: [dy, dx]) {
            // SAFETY: `dx` holds `byteCount` bytes.
            unsafe memset(y, 0, byteCount)
            block.put()
        }
    }
}

/// The number of bytes from which a copy is worth a thread.
private let manyBytes = 1 << 18

/// A part of a tensor along one axis, as runs of bytes: contiguous in the part, apart in the whole.
@safe private struct AxisBlock {
    private let part: UnsafeMutableRawPointer
    private let whole: UnsafeMutableRawPointer
    private let outer: Int
    /// The number of runs along the axis: one unless a step separates them.
    private let runs: Int
    private let runBytes: Int
    /// The distance between runs in the whole.
    private let stepBytes: Int
    private let wholeBytes: Int

    init(
        part: Tensor, whole: Tensor, axis: Int, start: Int, step: Int = 1, _ operation: String
    ) throws(ComputeError) {
        precondition(part.type == whole.type, "a copy keeps the type")
        let mismatch = ComputeError.shape(.mismatch(operation: operation, part.shape, whole.shape))
        guard part.shape.rank == whole.shape.rank, part.shape.dimensions.indices.contains(axis) else { throw mismatch }
        for other in part.shape.dimensions.indices where other != axis {
            guard part.shape[other] == whole.shape[other] else { throw mismatch }
        }
        let (count, size) = (part.shape[axis], whole.shape[axis])
        guard Shape.holds(size, count: count, from: start, step: step) else { throw mismatch }
        let inner = part.shape.dimensions[(axis + 1)...].reduce(part.type.byteCount, *)
        outer = part.shape.dimensions[..<axis].reduce(1, *)
        runs = step == 1 ? 1 : count
        runBytes = step == 1 ? count * inner : inner
        // After a single run the step does not matter, however large.
        stepBytes = count > 1 ? step * inner : 0
        wholeBytes = size * inner
        unsafe self.part = part.readableBytes
        unsafe self.whole = whole.readableBytes + (count > 0 ? start * inner : 0)
    }

    func put() { unsafe forEachRun { part, whole in unsafe memcpy(whole, part, runBytes) } }

    func take() { unsafe forEachRun { part, whole in unsafe memcpy(part, whole, runBytes) } }

    // SAFETY: the part is `outer * runs * runBytes` long, and each run lies inside the whole (checked above).
    @inline(__always)
    private func forEachRun(_ body: (_ part: UnsafeMutableRawPointer, _ whole: UnsafeMutableRawPointer) -> Void) {
        inParallel(outer, grain: max(1, manyBytes / max(1, runs * runBytes))) { blocks, _ in
            for block in blocks {
                for run in 0..<runs {
                    unsafe body(
                        part + (block * runs + run) * runBytes, whole + block * wholeBytes + run * stepBytes)
                }
            }
        }
    }
}

extension Shape {
    /// True when an axis of `size` has `count` indices from `start` on, `step` apart.
    package static func holds(_ size: Int, count: Int, from start: Int, step: Int) -> Bool {
        guard count >= 0, step != 0, start >= 0, start <= size else { return false }
        guard count > 0 else { return true }
        let (way, overflow) = (count - 1).multipliedReportingOverflow(by: step)
        let (last, overflowToo) = start.addingReportingOverflow(way)
        return !overflow && !overflowToo && start < size && (0..<size).contains(last)
    }
}
