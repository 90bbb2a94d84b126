/// A position of a sum: eight adjacent elements, or one of the last few with zeros in the other lanes.
struct SumPosition {
    fileprivate let index: Int
    fileprivate let lanes: Int

    /// True when all eight lanes are elements; else only the first is, and the terms of the others must be zero.
    @inline(__always)
    var isWhole: Bool { lanes == 8 }

    /// The elements at this position.
    // SAFETY: `sum` only uses positions below its count, which the caller took from the tensor's shape.
    @inline(__always)
    func of(_ elements: UnsafeMutablePointer<Float>) -> SIMD8<Float> {
        if lanes == 8 {
            return unsafe UnsafeRawPointer(elements + index).loadUnaligned(as: SIMD8<Float>.self)
        }
        var result = SIMD8<Float>()
        unsafe result[0] = elements[index]
        return result
    }
}

/// The sum of `term` over `count` elements, in an order that depends only on the count.
///
/// Four sums of eight lanes each: the compiler may not reorder additions of floats by itself, and the error grows with
/// a 32nd of the count.
@inline(__always)
func sum(_ count: Int, _ term: (SumPosition) -> SIMD8<Float>) -> Float {
    var (first, second, third, fourth) = (SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>(), SIMD8<Float>())
    var index = 0
    while index &+ 32 <= count {
        first += term(SumPosition(index: index, lanes: 8))
        second += term(SumPosition(index: index &+ 8, lanes: 8))
        third += term(SumPosition(index: index &+ 16, lanes: 8))
        fourth += term(SumPosition(index: index &+ 24, lanes: 8))
        index &+= 32
    }
    while index &+ 8 <= count {
        first += term(SumPosition(index: index, lanes: 8))
        index &+= 8
    }
    while index < count {
        second += term(SumPosition(index: index, lanes: 1))
        index &+= 1
    }
    return ((first + second) + (third + fourth)).total
}
