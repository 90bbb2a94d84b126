import Glibc

// Operations on one or two elements that no element makes trap.

/// One byte that is true unless it is zero: a file may hold others than 0 and 1, a `Bool` may not.
struct Truth: BitwiseCopyable, Comparable {
    let byte: UInt8

    @inline(__always)
    init(_ value: Bool) { byte = value ? 1 : 0 }

    @inline(__always)
    var isTrue: Bool { byte != 0 }

    @inline(__always)
    static func == (left: Truth, right: Truth) -> Bool { left.isTrue == right.isTrue }

    // Without the short circuit of `&&`, which would keep a loop from being vectorised.
    @inline(__always)
    static func & (left: Truth, right: Truth) -> Truth {
        Truth((left.byte != 0 ? 1 : 0) & (right.byte != 0 ? 1 : 0) != 0)
    }

    @inline(__always)
    static func | (left: Truth, right: Truth) -> Truth { Truth(left.byte | right.byte != 0) }

    @inline(__always)
    static func < (left: Truth, right: Truth) -> Bool { !left.isTrue && right.isTrue }
}

/// The lesser of two; what is not a number stays.
@inline(__always)
func smaller<Element: Comparable>(_ left: Element, _ right: Element) -> Element {
    left < right || left != left ? left : right
}

/// The greater of two; what is not a number stays.
@inline(__always)
func larger<Element: Comparable>(_ left: Element, _ right: Element) -> Element {
    left > right || left != left ? left : right
}

/// Zero for a divisor of zero; the least number divided by -1 wraps.
@inline(__always)
func totalQuotient<Element: FixedWidthInteger>(_ left: Element, _ right: Element) -> Element {
    right == 0 ? 0 : left.dividedReportingOverflow(by: right).partialValue
}

/// Zero for a divisor of zero.
@inline(__always)
func totalRemainder<Element: FixedWidthInteger>(_ left: Element, _ right: Element) -> Element {
    right == 0 ? 0 : left.remainderReportingOverflow(dividingBy: right).partialValue
}

/// By squaring; a negative exponent leaves the whole part of the fraction.
@inline(__always)
func wrappingPower<Element: FixedWidthInteger>(_ base: Element, _ exponent: Element) -> Element {
    if exponent < 0 { return base == 1 ? 1 : base == 0 &- 1 ? (exponent & 1 == 0 ? 1 : base) : 0 }
    var (result, square, rest) = (Element(1), base, exponent)
    while rest > 0 {
        if rest & 1 == 1 { result = result &* square }
        square = square &* square
        rest >>= 1
    }
    return result
}

/// The rest of a division, with the sign of the divisor, which a zero has too.
@inline(__always)
func floorModulo(_ left: Float, _ right: Float) -> Float {
    let rest = fmodf(left, right)
    if rest == 0 { return right.sign == .minus ? -0 : 0 }
    return (rest < 0) != (right < 0) ? rest + right : rest
}
