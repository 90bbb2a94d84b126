/// `exp(x)`, to two units in the last place; zero below the least normal float, and NaN for NaN.
///
/// `x = n ln 2 + r` with an integer `n`: the exponential of `r` by a polynomial, times a power of two made of bits.
@inline(__always)
func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
    let shift = SIMD8<Float>(repeating: 12_582_912)
    let clamped = smaller(larger(x, SIMD8(repeating: -87.336_54)), SIMD8(repeating: 88.722_84))
    let shifted = shift.addingProduct(clamped, SIMD8(repeating: 1.442_695_04))
    let n = shifted - shift
    // ln 2 in two parts; `n` times the first is exact.
    let r = clamped.addingProduct(n, SIMD8(repeating: -0.693_359_375))
        .addingProduct(n, SIMD8(repeating: 2.121_944_4e-4))
    var p = SIMD8<Float>(repeating: 1.987_569_1e-4)
    p = SIMD8(repeating: 1.398_199_9e-3).addingProduct(p, r)
    p = SIMD8(repeating: 8.333_452e-3).addingProduct(p, r)
    p = SIMD8(repeating: 4.166_579_6e-2).addingProduct(p, r)
    p = SIMD8(repeating: 1.666_666_5e-1).addingProduct(p, r)
    p = SIMD8(repeating: 5.000_000_1e-1).addingProduct(p, r)
    p = (r + 1).addingProduct(p, r * r)
    // The low bits of the shifted number are `n`; 2^n in two factors, since n may be 128.
    let exponent = unsafe unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- SIMD8(repeating: 0x4B40_0000)
    let half = exponent &>> 1
    let low = unsafe unsafeBitCast((half &+ 127) &<< 23, to: SIMD8<Float>.self)
    let high = unsafe unsafeBitCast((exponent &- half &+ 127) &<< 23, to: SIMD8<Float>.self)
    let power = p * low * high
    return power.replacing(with: 0, where: x .< -87.336_54).replacing(with: x, where: x .!= x)
}
