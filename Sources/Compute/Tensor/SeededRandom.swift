/// SplitMix64: a small generator whose whole state is one number, so that a checkpoint can store it.
///
/// - SeeAlso: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (OOPSLA 2014), figure 14.
package struct SeededRandom: RandomNumberGenerator, Sendable, Equatable {
    /// The state; a generator seeded with it continues this one's sequence.
    package private(set) var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A random permutation of `0..<count`, by the Fisher-Yates shuffle.
    package mutating func shuffled(count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, below(last + 1))
        }
        return order
    }

    /// A random integer in `0..<bound`. It does not use the standard library: the same seed must give the same order
    /// under any compiler. The bias of the multiplication is under `bound / 2^64`.
    private mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }
}
