// N samples, C channels in blocks of B, planes of H x W elements and of P x Q windows.
extension Step {
    /// Computes ``maxPoolBackward(_:dy:window:into:)`` for images with `B` adjacent channels, eight at a time.
    static func blockedMaxPoolBackward(
        _ x: Tensor, dy: Tensor, window: Window, into dx: Tensor
    ) throws(ComputeError) -> Step {
        precondition(dx.block == x.block && [1, x.block].contains(dy.block), "both images lie in one order")
        let planes = try BlockedPlanes(x, dy: dy, window, dx)
        return Step("maxPool backward", keeping: [x, dy, dx], planes.run)
    }
}

@safe private struct BlockedPlanes {
    private typealias Lanes = SIMD8<Float>

    private let x: UnsafeMutablePointer<Float>
    private let dy: UnsafeMutablePointer<Float>
    private let dx: UnsafeMutablePointer<Float>
    private let groups: Int
    private let B: Int
    private let (H, W, P, Q): (Int, Int, Int, Int)
    private let isPlain: Bool
    private let kernel: (Int, Int)
    private let strides: (Int, Int)
    private let dilations: (Int, Int)
    private let pads: (Int, Int)

    init(_ x: Tensor, dy: Tensor, _ window: Window, _ dx: Tensor) throws(ComputeError) {
        unsafe self.x = try x.source()
        unsafe self.dy = try dy.source()
        unsafe self.dx = dx.target()
        B = x.block
        groups = x.shape[0] * x.shape[1] / Lanes.scalarCount
        (H, W, P, Q) = (x.shape[2], x.shape[3], dy.shape[2], dy.shape[3])
        isPlain = dy.block == 1
        kernel = (window.kernel[0], window.kernel[1])
        strides = (window.strides[0], window.strides[1])
        dilations = (window.dilations[0], window.dilations[1])
        pads = (window.padsBegin[0], window.padsBegin[1])
    }

    func run() {
        inParallel(groups, grain: max(1, manyElements / (H * W * Lanes.scalarCount))) { groups, _ in
            for group in groups { differentiate(group) }
        }
    }

    /// Computes the gradient of eight channels of one sample.
    // SAFETY: a group is below the number of groups of eight channels, whose elements are B apart; `inside` limits the
    // rows and columns of a window to the image.
    @inline(never)
    private func differentiate(_ group: Int) {
        let (block, lane) = (group / (B / Lanes.scalarCount), group % (B / Lanes.scalarCount) * Lanes.scalarCount)
        let (H, W, P, Q, B, strides, dilations) = (H, W, P, Q, B, strides, dilations)
        let start = block * H * W * B + lane
        let (x, dx) = unsafe (UnsafeMutableRawPointer(x + start), UnsafeMutableRawPointer(dx + start))
        let step = B * MemoryLayout<Float>.stride
        for element in 0..<(H * W) { unsafe dx.storeBytes(of: Lanes(), toByteOffset: element * step, as: Lanes.self) }
        for p in 0..<P {
            let top = p * strides.0 - pads.0
            let rows = Self.inside(top, count: kernel.0, dilation: dilations.0, limit: H)
            for q in 0..<Q {
                let left = q * strides.1 - pads.1
                let columns = Self.inside(left, count: kernel.1, dilation: dilations.1, limit: W)
                var largest = Lanes(repeating: -.infinity)
                for row in rows {
                    for column in columns {
                        let place = (top + row * dilations.0) * W + left + column * dilations.1
                        largest = unsafe larger(largest, x.loadUnaligned(fromByteOffset: place * step, as: Lanes.self))
                    }
                }
                // The first of equal elements takes the whole gradient.
                var slope = slope(block: block, lane: lane, at: p * Q + q)
                for row in rows {
                    for column in columns {
                        let place = (top + row * dilations.0) * W + left + column * dilations.1
                        let value = unsafe x.loadUnaligned(fromByteOffset: place * step, as: Lanes.self)
                        let isLargest = value .== largest
                        let sum = unsafe dx.loadUnaligned(fromByteOffset: place * step, as: Lanes.self)
                        let own = Lanes().replacing(with: slope, where: isLargest)
                        unsafe dx.storeBytes(of: sum + own, toByteOffset: place * step, as: Lanes.self)
                        slope = slope.replacing(with: Lanes(), where: isLargest)
                    }
                }
            }
        }
    }

    /// The part of a window along one axis that lies on the image.
    @inline(__always)
    private static func inside(_ start: Int, count: Int, dilation: Int, limit: Int) -> Range<Int> {
        var (first, end) = (0, count)
        while first < end, start + first * dilation < 0 { first += 1 }
        while end > first, start + (end - 1) * dilation >= limit { end -= 1 }
        return first..<end
    }

    /// The incoming gradient of eight channels, which are adjacent or a plane apart.
    @inline(__always)
    private func slope(block: Int, lane: Int, at window: Int) -> Lanes {
        guard isPlain else {
            return unsafe UnsafeRawPointer(dy + (block * P * Q + window) * B + lane).loadUnaligned(as: Lanes.self)
        }
        var result = Lanes()
        for index in 0..<Lanes.scalarCount {
            unsafe result[index] = dy[(block * B + lane + index) * P * Q + window]
        }
        return result
    }
}
