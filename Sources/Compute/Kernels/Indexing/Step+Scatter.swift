extension Step {
    /// Copies `x` and combines each update with the element at the same position, except that its index replaces one
    /// coordinate. An index out of range does nothing. Updates are applied in row-major order.
    ///
    /// - `indices`: like `updates`, of the rank of `x` and no longer than `x` except on the axis
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes fit.
    package static func scatterElements(
        _ kind: ScatterKind, _ x: Tensor, indices: Tensor, updates: Tensor, axis: Int, into result: Tensor
    ) throws(ComputeError) -> Step {
        try result.shape.require(x.shape, for: "scatterElements")
        try updates.shape.require(indices.shape, for: "scatterElements")
        let walk = try ElementWalk(x.shape, indices, axis: axis, "scatterElements")
        return try scatter(kind, x, updates: updates, into: result, keeping: indices, part: 1, walk)
    }

    /// Copies `x` and combines each update with the part that its tuple of indices names. A tuple out of range does
    /// nothing. Updates are applied in order.
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
            kind, x, updates: updates, into: result, keeping: indices, part: tuples.partCount, tuples)
    }

    private static func scatter(
        _ kind: ScatterKind, _ x: Tensor, updates: Tensor, into result: Tensor, keeping indices: Tensor, part: Int,
        _ walk: some PartWalk
    ) throws(ComputeError) -> Step {
        precondition(x.type == result.type && updates.type == x.type, "updates keep the type")
        let operands = [x, indices, updates, result]
        switch x.type {
        case .bool:
            guard kind == .replace else {
                throw .shape(
                    .unsuitable(operation: "scatter", x.shape, reason: "is of truths, which are only replaced"))
            }
            let target = try ScatterTarget(x, updates, of: UInt8.self, result, part)
            return Step("scatter", keeping: operands) { target.run(walk) { $1 } }
        case .float32:
            let target = try ScatterTarget(x, updates, of: Float.self, result, part)
            return switch kind {
            case .add: Step("scatter", keeping: operands) { target.run(walk) { $0 + $1 } }
            case .multiply: Step("scatter", keeping: operands) { target.run(walk) { $0 * $1 } }
            case .replace: Step("scatter", keeping: operands) { target.run(walk) { $1 } }
            case .minimum: Step("scatter", keeping: operands) { target.run(walk, smaller) }
            case .maximum: Step("scatter", keeping: operands) { target.run(walk, larger) }
            }
        case .int64: return try integerScatter(kind, .init(x, updates, of: Int64.self, result, part), operands, walk)
        case .int32: return try integerScatter(kind, .init(x, updates, of: Int32.self, result, part), operands, walk)
        }
    }

    private static func integerScatter<Element: FixedWidthInteger & BitwiseCopyable>(
        _ kind: ScatterKind, _ target: ScatterTarget<Element>, _ operands: [Tensor], _ walk: some PartWalk
    ) -> Step {
        switch kind {
        case .add: Step("scatter", keeping: operands) { target.run(walk) { $0 &+ $1 } }
        case .multiply: Step("scatter", keeping: operands) { target.run(walk) { $0 &* $1 } }
        case .replace: Step("scatter", keeping: operands) { target.run(walk) { $1 } }
        case .minimum: Step("scatter", keeping: operands) { target.run(walk, smaller) }
        case .maximum: Step("scatter", keeping: operands) { target.run(walk, larger) }
        }
    }
}

@safe private struct ScatterTarget<Element: BitwiseCopyable> {
    private let x: UnsafeMutablePointer<Element>
    private let updates: UnsafeMutablePointer<Element>
    private let result: UnsafeMutablePointer<Element>
    private let count: Int
    private let part: Int

    init(
        _ x: Tensor, _ updates: Tensor, of type: Element.Type, _ result: Tensor, _ part: Int
    ) throws(ComputeError) {
        unsafe self.x = try x.source(as: type)
        unsafe self.updates = try updates.source(as: type)
        unsafe self.result = result.target(as: type)
        count = x.shape.elementCount
        self.part = part
    }

    // SAFETY: `x` and the result hold `count` elements; the walk names places inside, and there is a part for each
    // update.
    @inline(__always)
    func run(_ walk: some PartWalk, _ combine: (Element, Element) -> Element) {
        unsafe result.update(from: x, count: count)
        inParallel(walk.pieceCount, grain: walk.grain) { pieces, _ in
            walk.forEach(pieces) { position, place in
                guard let place else { return }
                let (y, u) = unsafe (result + place * part, updates + position * part)
                for index in 0..<part { unsafe y[index] = combine(y[index], u[index]) }
            }
        }
    }
}
