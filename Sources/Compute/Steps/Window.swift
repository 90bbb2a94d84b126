/// How a convolution or a pooling slides over the spatial axes: one entry an axis, outermost first.
package struct Window: Hashable, Sendable {
    package var kernel: [Int]
    package var strides: [Int]
    /// One means that the elements under the window touch.
    package var dilations: [Int]
    package var padsBegin: [Int]
    package var padsEnd: [Int]
    /// Whether a last window may hang over the end of the padding, if it begins before it (`ceil_mode`).
    package var roundsUp: Bool

    package init(
        kernel: [Int], strides: [Int], dilations: [Int], padsBegin: [Int], padsEnd: [Int], roundsUp: Bool = false
    ) {
        self.kernel = kernel
        self.strides = strides
        self.dilations = dilations
        self.padsBegin = padsBegin
        self.padsEnd = padsEnd
        self.roundsUp = roundsUp
    }

    /// Over single pixels, on so many axes.
    package init(pointwise rank: Int) {
        let (ones, zeros) = ([Int](repeating: 1, count: rank), [Int](repeating: 0, count: rank))
        self.init(kernel: ones, strides: ones, dilations: ones, padsBegin: zeros, padsEnd: zeros)
    }

    package var rank: Int { kernel.count }
}
