extension Step {
    /// Converts between element types like a saturating C cast: floats are truncated towards zero and clamped, NaN
    /// becomes the integer 0, integers wrap, and any value but zero is true.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the counts are equal.
    package static func cast(_ x: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        guard x.shape.elementCount == result.shape.elementCount else {
            throw .shape(.mismatch(operation: "cast", x.shape, result.shape))
        }
        return switch x.type {
        case .float32: try cast(x, of: Float.self, into: result)
        case .int64: try cast(x, of: Int64.self, into: result)
        case .int32: try cast(x, of: Int32.self, into: result)
        case .bool: try cast(x, of: Truth.self, into: result)
        }
    }

    private static func cast<Source: Castable>(
        _ x: Tensor, of type: Source.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        switch result.type {
        case .float32: try cast(x, of: type, to: Float.self, into: result)
        case .int64: try cast(x, of: type, to: Int64.self, into: result)
        case .int32: try cast(x, of: type, to: Int32.self, into: result)
        case .bool: try cast(x, of: type, to: Truth.self, into: result)
        }
    }

    private static func cast<Source: Castable, Target: Castable>(
        _ x: Tensor, of _: Source.Type, to _: Target.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        let (a, y) = try unsafe (x.source(as: Source.self), result.target(as: Target.self))
        let count = x.shape.elementCount
        return Step("cast", keeping: [x, result]) {
            // SAFETY: both tensors hold `count` elements.
            for index in 0..<count { unsafe y[index] = a[index].cast() }
        }
    }
}

/// An element that can be converted from a float or from an integer.
private protocol Castable: BitwiseCopyable {
    init(casting value: Float)
    init(casting value: Int64)
    func cast<Target: Castable>() -> Target
}

extension Float: Castable {
    fileprivate init(casting value: Float) { self = value }
    fileprivate init(casting value: Int64) { self.init(value) }
    fileprivate func cast<Target: Castable>() -> Target { Target(casting: self) }
}

extension Int64: Castable {
    fileprivate init(casting value: Float) {
        // 2^63 is the first float too large; -2^63 is one that fits.
        self = value.isNaN ? 0 : value >= 0x1p63 ? .max : value < -0x1p63 ? .min : Int64(value)
    }
    fileprivate init(casting value: Int64) { self = value }
    fileprivate func cast<Target: Castable>() -> Target { Target(casting: self) }
}

extension Int32: Castable {
    fileprivate init(casting value: Float) { self.init(clamping: Int64(casting: value)) }
    fileprivate init(casting value: Int64) { self.init(truncatingIfNeeded: value) }
    fileprivate func cast<Target: Castable>() -> Target { Target(casting: Int64(self)) }
}

extension Truth: Castable {
    fileprivate init(casting value: Float) { self.init(value != 0) }
    fileprivate init(casting value: Int64) { self.init(value != 0) }
    fileprivate func cast<Target: Castable>() -> Target { Target(casting: Int64(isTrue ? 1 : 0)) }
}
