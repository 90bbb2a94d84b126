/// The window of a convolution or a pooling over the spatial axes: one entry per axis, outermost first.
package struct Window: Hashable, Sendable {
    package var kernel: [Int]
    package var strides: [Int]
    /// The distance between elements under the window; 1 means adjacent.
    package var dilations: [Int]
    package var padsBegin: [Int]
    package var padsEnd: [Int]
    /// True when a last window that begins before the end padding may extend past it (`ceil_mode`).
    package var roundsUp: Bool

    package init(
        kernel: [Int], strides: [Int], dilations: [Int], padsBegin: [Int], padsEnd: [Int], roundsUp: Bool = false
    ) {
        (self.kernel, self.strides, self.dilations, self.padsBegin) = (kernel, strides, dilations, padsBegin)
        (self.padsEnd, self.roundsUp) = (padsEnd, roundsUp)
    }

    /// Creates a window of single pixels on `rank` axes.
    package init(pointwise rank: Int) {
        let (ones, zeros) = ([Int](repeating: 1, count: rank), [Int](repeating: 0, count: rank))
        self.init(kernel: ones, strides: ones, dilations: ones, padsBegin: zeros, padsEnd: zeros)
    }

    package var rank: Int { kernel.count }
}
