/// A strided view of a tensor: index `[i, j, ...]` is element `offset + i * strides[0] + j * strides[1] + ...`.
package struct StridedView: Hashable, Sendable {
    package let offset: Int
    package let sizes: [Int]
    package let strides: [Int]

    package init(offset: Int, sizes: [Int], strides: [Int]) {
        precondition(sizes.count == strides.count, "an axis has a size and a stride")
        (self.offset, self.sizes, self.strides) = (offset, sizes, strides)
    }

    /// Creates a view of a whole row-major tensor.
    package init(_ shape: Shape) {
        self.init(offset: 0, sizes: shape.dimensions, strides: rowMajorStrides(shape.dimensions))
    }

    package var elementCount: Int { sizes.reduce(1, *) }

    /// The view with its axes permuted: axis `i` of the result is axis `permutation[i]` of this view.
    package func transposed(_ permutation: [Int]) -> StridedView {
        StridedView(offset: offset, sizes: permutation.map { sizes[$0] }, strides: permutation.map { strides[$0] })
    }

    /// The view of `count` indices of one axis, from `start` on and `step` apart.
    package func sliced(axis: Int, start: Int, count: Int, step: Int) -> StridedView {
        var (sizes, strides) = (sizes, strides)
        let offset = offset + start * strides[axis]
        sizes[axis] = count
        strides[axis] *= step
        return StridedView(offset: offset, sizes: sizes, strides: strides)
    }

    /// The same elements in the same order under other sizes; nil when strides cannot express it.
    package func reshaped(_ target: [Int]) -> StridedView? {
        guard target.reduce(1, *) == elementCount, elementCount > 0 else { return nil }
        // Adjacent axes are merged into runs of elements at one stride.
        var runs: [(count: Int, stride: Int)] = []
        for (size, stride) in zip(sizes, strides) where size != 1 {
            if let last = runs.last, last.stride == stride * size {
                runs[runs.count - 1] = (last.count * size, stride)
            } else {
                runs.append((size, stride))
            }
        }
        var strides: [Int] = []
        var rest = runs.first?.count ?? 1
        for size in target {
            if size == 1 {
                strides.append(0)
                continue
            }
            if rest == 1 {
                runs.removeFirst()
                rest = runs.first?.count ?? 1
            }
            guard let run = runs.first, rest % size == 0 else { return nil }
            rest /= size
            strides.append(run.stride * rest)
        }
        return StridedView(offset: offset, sizes: target, strides: strides)
    }

    /// The view with a new axis of size one.
    package func inserting(_ axis: Int) -> StridedView {
        var (sizes, strides) = (sizes, strides)
        sizes.insert(1, at: axis)
        strides.insert(0, at: axis)
        return StridedView(offset: offset, sizes: sizes, strides: strides)
    }

    /// The view broadcast to larger sizes by NumPy's rule: a stride of zero repeats an element.
    package func stretched(to target: [Int]) -> StridedView {
        let missing = target.count - sizes.count
        let strides = target.indices.map { $0 < missing || sizes[$0 - missing] == 1 ? 0 : self.strides[$0 - missing] }
        return StridedView(offset: offset, sizes: target, strides: strides)
    }

    /// True when all elements are among the first `count` of a tensor.
    package func fits(_ count: Int) -> Bool {
        guard elementCount > 0 else { return true }
        let reach = zip(sizes, strides).reduce(offset) { $0 + ($1.0 - 1) * max(0, $1.1) }
        let least = zip(sizes, strides).reduce(offset) { $0 + ($1.0 - 1) * min(0, $1.1) }
        return least >= 0 && reach < count
    }

    /// True when views of a tensor of `count` elements share no element, and none contains an element twice.
    package static func areDisjoint(_ views: [StridedView], of count: Int) -> Bool {
        guard let first = views.first, views.allSatisfy({ $0.fits(count) }) else { return views.isEmpty }
        var axes = Array(zip(first.sizes, first.strides))
        if views.count == 1 { return areApart(axes) }
        let offsets = views.map(\.offset).sorted()
        let distance = offsets[1] - offsets[0]
        if views.allSatisfy({ $0.sizes == first.sizes && $0.strides == first.strides }),
            zip(offsets, offsets.dropFirst()).allSatisfy({ $1 - $0 == distance })
        {
            // The views differ only in their offsets, at one distance: together they are a view with one more axis.
            axes.append((offsets.count, distance))
            return areApart(axes)
        }
        // Offsets and strides alone do not decide the other cases: every element is checked.
        var isTaken = [Bool](repeating: false, count: count)
        return views.allSatisfy { view in
            view.allElements { element in
                defer { isTaken[element] = true }
                return !isTaken[element]
            }
        }
    }

    /// True when the predicate holds for every element; stops at the first failure.
    private func allElements(_ predicate: (Int) -> Bool) -> Bool {
        func walk(_ axis: Int, _ start: Int) -> Bool {
            guard axis < sizes.count else { return predicate(start) }
            for index in 0..<sizes[axis] where !walk(axis + 1, start + index * strides[axis]) { return false }
            return true
        }
        return walk(0, offset)
    }

    /// True when the stride of each axis exceeds the reach of all finer axes.
    private static func areApart(_ axes: [(size: Int, stride: Int)]) -> Bool {
        var reach = 0
        for (size, stride) in axes.filter({ $0.size > 1 }).sorted(by: { abs($0.stride) < abs($1.stride) }) {
            guard abs(stride) > reach else { return false }
            reach += (size - 1) * abs(stride)
        }
        return true
    }
}
