// The standard library's own `pointwiseMax`, `max()` and `sum()` process the lanes one by one.

/// The larger value of each lane; the left one if they are unordered.
@inline(__always)
func larger(_ left: SIMD8<Float>, _ right: SIMD8<Float>) -> SIMD8<Float> {
    left.replacing(with: right, where: right .> left)
}

/// The smaller value of each lane; the left one if they are unordered.
@inline(__always)
func smaller(_ left: SIMD8<Float>, _ right: SIMD8<Float>) -> SIMD8<Float> {
    left.replacing(with: right, where: right .< left)
}

extension SIMD8<Float> {
    /// The sum of the lanes, added in pairs.
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

/// Loads eight floats from any address.
@inline(__always)
func load8(_ address: UnsafePointer<Float>) -> SIMD8<Float> {
    unsafe UnsafeRawPointer(address).loadUnaligned(as: SIMD8<Float>.self)
}

/// Stores eight floats to any address.
@inline(__always)
func store8(_ value: SIMD8<Float>, _ address: UnsafeMutablePointer<Float>) {
    unsafe UnsafeMutableRawPointer(address).storeBytes(of: value, as: SIMD8<Float>.self)
}

/// Loads `count` floats, fewer than eight, and fills the other lanes with `rest`.
@inline(__always)
func load8(_ address: UnsafePointer<Float>, count: Int, rest: Float) -> SIMD8<Float> {
    var value = SIMD8(repeating: rest)
    for lane in 0..<count { unsafe value[lane] = address[lane] }
    return value
}

/// Stores the first `count` of eight floats.
@inline(__always)
func store8(_ value: SIMD8<Float>, _ address: UnsafeMutablePointer<Float>, count: Int) {
    for lane in 0..<count { unsafe address[lane] = value[lane] }
}
