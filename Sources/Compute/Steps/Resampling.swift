import Glibc

/// The taps and weights that compute each element of a resized axis from elements of the original one.
package struct Resampling: Hashable, Sendable {
    /// The number of original elements that each result reads.
    package let taps: Int
    /// The index that each tap reads, by result and tap: `[count * taps]`.
    package let places: [Int]
    /// The weight of each tap, in the same order.
    package let weights: [Float]
    /// The number added to each result: the extrapolation value where the result lies outside the original, else zero.
    package let offsets: [Float]
    package let inputCount: Int
    package var count: Int { offsets.count }

    /// The maximum size of a resized axis and of its table of taps; larger tables would take too much memory.
    package static let countLimit = 1 << 24

    /// The rounding that selects an element when a coordinate falls between two.
    package enum Rounding: String, Hashable, Sendable, CaseIterable {
        case halfDown = "round_prefer_floor"
        case halfUp = "round_prefer_ceil"
        case down = "floor"
        case up = "ceil"
    }

    package enum Interpolation: Hashable, Sendable {
        case nearest(Rounding)
        case linear
        /// The ONNX default of `coefficient` is -0.75; `excludesOutside` makes weights outside the original zero.
        case cubic(coefficient: Float, excludesOutside: Bool)
    }

    /// The treatment of elements outside the original: clamped to its nearest element, or excluded.
    package enum Averaging: Hashable, Sendable {
        case everywhere, inside
    }

    /// The ONNX mapping from an index of the result to a coordinate of the original.
    package enum Coordinates: Hashable, Sendable {
        case halfPixel, halfPixelSymmetric, pytorchHalfPixel, asymmetric, alignCorners
        /// Both ends are fractions of the original axis; results outside of it are `extrapolation`.
        case cropAndResize(start: Float, end: Float, extrapolation: Float)
    }

    /// Returns nil when there is nothing to read from, the result or its table of taps is longer than ``countLimit``,
    /// or the scale is not a positive number.
    ///
    /// - Parameters:
    ///   - inputCount: the size of the original axis.
    ///   - count: the size of the resized axis.
    ///   - scale: the scale factor; nil for the quotient of the sizes.
    ///   - interpolation: the interpolation between neighbours.
    ///   - coordinates: the mapping of indices to coordinates.
    ///   - averaging: the antialiasing of a shorter axis (`antialias`); nil for none.
    /// - SeeAlso: onnx/Operators.md#Resize
    package init?(
        _ inputCount: Int, to count: Int, scale: Float? = nil, _ interpolation: Interpolation,
        _ coordinates: Coordinates, averaging: Averaging? = nil
    ) {
        let scale = scale ?? Float(count) / Float(inputCount)
        guard inputCount > 0, (0...Self.countLimit).contains(count), count == 0 || (scale > 0 && scale.isFinite) else {
            return nil
        }
        let kernel = count > 0 ? averaging.flatMap { AveragingKernel(interpolation, scale: Double(scale), $0) } : nil
        taps = kernel?.tapCount ?? interpolation.tapCount
        guard kernel == nil || taps <= Self.countLimit / count else { return nil }
        var (places, weights, offsets) = ([Int](), [Float](), [Float]())
        for index in 0..<count {
            let x = Double(coordinates.place(of: index, from: inputCount, to: count, scale: scale))
            var taps = kernel?.taps(at: x, of: inputCount) ?? interpolation.taps(at: x, of: inputCount)
            var offset: Float = 0
            if case .cropAndResize(_, _, let extrapolation) = coordinates, !(0...Double(inputCount - 1)).contains(x) {
                taps = taps.map { ($0.place, 0) }
                offset = extrapolation
            }
            places += taps.map(\.place)
            weights += taps.map { Float($0.weight) }
            offsets.append(offset)
        }
        (self.inputCount, self.places, self.weights, self.offsets) = (inputCount, places, weights, offsets)
    }
}

extension Resampling.Coordinates {
    /// The coordinate of an index of the result, in Float32 and Float64 like in ONNX Runtime: where a coordinate is
    /// rounded, the last bit decides.
    fileprivate func place(of index: Int, from inputCount: Int, to count: Int, scale: Float) -> Float {
        let (index, last) = (Float(index), Float(inputCount - 1))
        switch self {
        case .halfPixel: return (index + 0.5) / scale - 0.5
        case .halfPixelSymmetric:
            // The scale may not fit the rounded sizes exactly: the difference is split between both ends.
            let adjustment = Float(count) / (scale * Float(inputCount))
            let offset = Float(inputCount) / 2 * (1 - adjustment)
            return Float(Double(offset) + (Double(index) + 0.5) / Double(scale) - 0.5)
        case .pytorchHalfPixel: return count > 1 ? (index + 0.5) / scale - 0.5 : 0
        case .asymmetric: return index / scale
        case .alignCorners: return count > 1 ? index * last / Float(count - 1) : 0
        case .cropAndResize(let start, let end, _):
            return count > 1
                ? start * last + index * (end - start) * last / Float(count - 1) : 0.5 * (start + end) * last
        }
    }
}

extension Resampling.Interpolation {
    fileprivate var tapCount: Int {
        switch self {
        case .nearest: 1
        case .linear: 2
        case .cubic: 4
        }
    }

    /// The indices of the neighbours of a coordinate, clamped to the axis, with their weights.
    fileprivate func taps(at x: Double, of count: Int) -> [(place: Int, weight: Double)] {
        // A coordinate far outside, or NaN, must not trap.
        let x = x.isNaN ? 0 : min(max(x, -0x1p40), 0x1p40)
        func inside(_ place: Int) -> Int { min(max(place, 0), count - 1) }
        switch self {
        case .nearest(let rounding):
            let nearest =
                switch rounding {
                case .halfDown: ceil(x - 0.5)
                case .halfUp: floor(x + 0.5)
                case .down: floor(x)
                case .up: ceil(x)
                }
            return [(inside(Int(nearest)), 1)]
        case .linear:
            let x = min(max(x, 0), Double(count - 1))
            let low = Int(floor(x))
            let share = x - Double(low)
            return [(low, 1 - share), (inside(low + 1), share)]
        case .cubic(let coefficient, let excludesOutside):
            let low = Int(floor(x))
            let share = x - Double(low)
            var weights = Self.cubicWeights(share, Double(coefficient))
            if excludesOutside {
                for tap in 0..<4 where !(0..<count).contains(low - 1 + tap) { weights[tap] = 0 }
                let total = weights.reduce(0, +)
                if total != 0 { weights = weights.map { $0 / total } }
            }
            return (0..<4).map { (inside(low - 1 + $0), weights[$0]) }
        }
    }

    /// The weights of the elements at -1, 0, 1 and 2 around a coordinate `share` after 0.
    ///
    /// - SeeAlso: Keys: Cubic Convolution Interpolation for Digital Image Processing (1981)
    private static func cubicWeights(_ share: Double, _ a: Double) -> [Double] {
        let (far, rest) = (share + 1, 1 - share)
        return [
            ((a * far - 5 * a) * far + 8 * a) * far - 4 * a,
            ((a + 2) * share - (a + 3)) * share * share + 1,
            ((a + 2) * rest - (a + 3)) * rest * rest + 1,
            ((a * (rest + 1) - 5 * a) * (rest + 1) + 8 * a) * (rest + 1) - 4 * a,
        ]
    }
}
