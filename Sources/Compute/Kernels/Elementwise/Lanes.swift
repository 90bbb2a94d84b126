// The standard library's own `pointwiseMax`, `max()` and `sum()` go through the lanes one by one.

/// Of each lane the larger; of two that are not ordered the left one.
@inline(__always)
func larger(_ left: SIMD8<Float>, _ right: SIMD8<Float>) -> SIMD8<Float> {
    left.replacing(with: right, where: right .> left)
}

/// Of each lane the smaller; of two that are not ordered the left one.
@inline(__always)
func smaller(_ left: SIMD8<Float>, _ right: SIMD8<Float>) -> SIMD8<Float> {
    left.replacing(with: right, where: right .< left)
}

extension SIMD8<Float> {
    /// The sum of the lanes, in pairs.
    @inline(__always)
    var total: Float {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }

    /// The largest lane.
    @inline(__always)
    var largest: Float {
        let four = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
        return two.x > two.y ? two.x : two.y
    }
}

/// Eight floats at any address.
@inline(__always)
func load8(_ address: UnsafePointer<Float>) -> SIMD8<Float> {
    unsafe UnsafeRawPointer(address).loadUnaligned(as: SIMD8<Float>.self)
}

/// Eight floats to any address.
@inline(__always)
func store8(_ value: SIMD8<Float>, _ address: UnsafeMutablePointer<Float>) {
    unsafe UnsafeMutableRawPointer(address).storeBytes(of: value, as: SIMD8<Float>.self)
}

/// The first `count` of eight floats, fewer than eight, and others in the place of the rest.
@inline(__always)
func load8(_ address: UnsafePointer<Float>, count: Int, rest: Float) -> SIMD8<Float> {
    var value = SIMD8(repeating: rest)
    for lane in 0..<count { unsafe value[lane] = address[lane] }
    return value
}

/// The first `count` of eight floats.
@inline(__always)
func store8(_ value: SIMD8<Float>, _ address: UnsafeMutablePointer<Float>, count: Int) {
    for lane in 0..<count { unsafe address[lane] = value[lane] }
}
