extension Step {
    /// A copy of `x` in which each update meets the element at its own place but for one axis, where the index says; an
    /// index outside does nothing. The updates come in row-major order.
    ///
    /// - `indices`: as `updates`, of the rank of `x` and nowhere longer but on the axis
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func scatterElements(
        _ kind: ScatterKind, _ x: Tensor, indices: Tensor, updates: Tensor, axis: Int, into result: Tensor
    ) throws(ComputeError) -> Step {
        try result.shape.require(x.shape, for: "scatterElements")
        try updates.shape.require(indices.shape, for: "scatterElements")
        let walk = try ElementWalk(x.shape, indices, axis: axis, "scatterElements")
        return try scatter(kind, x, updates: updates, into: result, keeping: indices, part: 1, walk.forEach)
    }

    /// A copy of `x` in which each update meets the part that its tuple of indices names; a tuple outside does nothing.
    /// The updates come in order.
    ///
    /// - `x`: `[B..., D..., rest...]`, with as many `B` as `batchAxes` and as many `D` as a tuple is long
    /// - `indices`: `[B..., I..., length]`
    /// - `updates`: `[B..., I..., rest...]`
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func scatterND(
        _ kind: ScatterKind, _ x: Tensor, indices: Tensor, updates: Tensor, batchAxes: Int, into result: Tensor
    ) throws(ComputeError) -> Step {
        try result.shape.require(x.shape, for: "scatterND")
        let tuples = try IndexTuples(x.shape, indices, batchAxes: batchAxes, "scatterND")
        try updates.shape.require(.of(tuples.partSizes), for: "scatterND")
        return try scatter(
            kind, x, updates: updates, into: result, keeping: indices, part: tuples.partCount, tuples.forEach)
    }

    /// Calls its body with the position of each update and the place that it meets, both counted in parts.
    private typealias Walk = (_ body: (_ position: Int, _ place: Int?) -> Void) -> Void

    private static func scatter(
        _ kind: ScatterKind, _ x: Tensor, updates: Tensor, into result: Tensor, keeping indices: Tensor, part: Int,
        _ walk: @escaping Walk
    ) throws(ComputeError) -> Step {
        precondition(x.type == result.type && updates.type == x.type, "updates keep the type")
        let operands = [x, indices, updates, result]
        switch (x.type, kind) {
        case (.bool, .replace):
            return try scatter(x, updates, of: UInt8.self, into: result, operands, part, walk) { $1 }
        case (.bool, _):
            throw .shape(.unsuitable(operation: "scatter", x.shape, reason: "is of truths, which are only replaced"))
        case (.float32, .add): return try scatter(x, updates, of: Float.self, into: result, operands, part, walk, +)
        case (.float32, .multiply):
            return try scatter(x, updates, of: Float.self, into: result, operands, part, walk, *)
        case (.float32, _):
            return try scatterCompared(kind, x, updates, of: Float.self, into: result, operands, part, walk)
        case (.int64, .add): return try scatter(x, updates, of: Int64.self, into: result, operands, part, walk, &+)
        case (.int64, .multiply):
            return try scatter(x, updates, of: Int64.self, into: result, operands, part, walk, &*)
        case (.int64, _):
            return try scatterCompared(kind, x, updates, of: Int64.self, into: result, operands, part, walk)
        case (.int32, .add): return try scatter(x, updates, of: Int32.self, into: result, operands, part, walk, &+)
        case (.int32, .multiply):
            return try scatter(x, updates, of: Int32.self, into: result, operands, part, walk, &*)
        case (.int32, _):
            return try scatterCompared(kind, x, updates, of: Int32.self, into: result, operands, part, walk)
        }
    }

    private static func scatterCompared<Element: Comparable & BitwiseCopyable>(
        _ kind: ScatterKind, _ x: Tensor, _ updates: Tensor, of type: Element.Type, into result: Tensor,
        _ operands: [Tensor], _ part: Int, _ walk: @escaping Walk
    ) throws(ComputeError) -> Step {
        switch kind {
        case .minimum: try scatter(x, updates, of: type, into: result, operands, part, walk, smaller)
        case .maximum: try scatter(x, updates, of: type, into: result, operands, part, walk, larger)
        case .replace, .add, .multiply: try scatter(x, updates, of: type, into: result, operands, part, walk) { $1 }
        }
    }

    @inline(__always)
    private static func scatter<Element: BitwiseCopyable>(
        _ x: Tensor, _ updates: Tensor, of type: Element.Type, into result: Tensor, _ operands: [Tensor], _ part: Int,
        _ walk: @escaping Walk, _ combine: @escaping (Element, Element) -> Element
    ) throws(ComputeError) -> Step {
        let (a, u) = try unsafe (x.source(as: type), updates.source(as: type))
        let (y, count) = unsafe (result.target(as: type), x.shape.elementCount)
        return Step("scatter", keeping: operands) {
            // SAFETY: both hold `count` elements; the walk names places inside, and there is a part for each update.
            unsafe y.update(from: a, count: count)
            walk { position, place in
                guard let place else { return }
                let (y, u) = unsafe (y + place * part, u + position * part)
                for index in 0..<part { unsafe y[index] = combine(y[index], u[index]) }
            }
        }
    }
}
