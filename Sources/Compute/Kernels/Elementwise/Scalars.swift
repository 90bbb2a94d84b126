import Glibc

// Operations on one or two elements that never trap.

/// A bool element as one byte, true unless it is zero: a file may hold bytes other than 0 and 1, a `Bool` may not.
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

/// The lesser of two; NaN if either is NaN.
@inline(__always)
func smaller<Element: Comparable>(_ left: Element, _ right: Element) -> Element {
    left < right || left != left ? left : right
}

/// The greater of two; NaN if either is NaN.
@inline(__always)
func larger<Element: Comparable>(_ left: Element, _ right: Element) -> Element {
    left > right || left != left ? left : right
}

/// The quotient; zero for a divisor of zero, and the least number divided by -1 wraps.
@inline(__always)
func totalQuotient<Element: FixedWidthInteger>(_ left: Element, _ right: Element) -> Element {
    right == 0 ? 0 : left.dividedReportingOverflow(by: right).partialValue
}

/// The remainder; zero for a divisor of zero.
@inline(__always)
func totalRemainder<Element: FixedWidthInteger>(_ left: Element, _ right: Element) -> Element {
    right == 0 ? 0 : left.remainderReportingOverflow(dividingBy: right).partialValue
}

/// The wrapping power, by squaring; for a negative exponent the fraction truncated to an integer.
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

/// The remainder with the sign of the divisor, even if it is zero.
@inline(__always)
func floorModulo(_ left: Float, _ right: Float) -> Float {
    let rest = fmodf(left, right)
    if rest == 0 { return right.sign == .minus ? -0 : 0 }
    return (rest < 0) != (right < 0) ? rest + right : rest
}
