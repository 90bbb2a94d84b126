/// The kernel of an antialiased interpolation, widened to all the elements that one element of a shorter axis
/// represents.
///
/// - SeeAlso: onnx/Operators.md#Resize, `antialias`
struct AveragingKernel {
    private let averaging: Resampling.Averaging
    private let scale: Double
    /// The coefficient of the cubic kernel; nil for the linear one.
    private let coefficient: Double?
    /// The distance in elements from the element at or just below a coordinate back to the first tap.
    private let before: Int
    /// The number of taps: as many on each side of a coordinate.
    var tapCount: Int { 2 * before + 2 }

    /// Returns nil when there is nothing to average: the axis does not become shorter, or only the nearest element is
    /// read.
    init?(_ interpolation: Resampling.Interpolation, scale: Double, _ averaging: Resampling.Averaging) {
        guard scale < 1 else { return nil }
        switch interpolation {
        case .nearest: return nil
        case .linear: coefficient = nil
        case .cubic(let coefficient, _): self.coefficient = Double(coefficient)
        }
        // The limit is above any reach in use, and fits into `Int`.
        let reach = min((coefficient == nil ? 1 : 2) / scale, 0x1p40)
        before = Int(reach.rounded(.up)) - 1
        (self.scale, self.averaging) = (scale, averaging)
    }

    /// The indices of the elements around a coordinate, clamped to the axis, with their weights.
    func taps(at x: Double, of count: Int) -> [(place: Int, weight: Double)] {
        // A coordinate far outside, or NaN, must not trap.
        let x = x.isNaN ? 0 : min(max(x, -0x1p40), 0x1p40)
        let low = Int(x.rounded(.down))
        var taps: [(place: Int, weight: Double)] = []
        taps.reserveCapacity(tapCount)
        var total = 0.0
        for place in (low - before)...(low + before + 1) {
            let isLeftOut = averaging == .inside && !(0..<count).contains(place)
            let weight = isLeftOut ? 0 : weight(at: abs(Double(place) - x) * scale)
            taps.append((min(max(place, 0), count - 1), weight))
            total += weight
        }
        return total == 0 ? taps : taps.map { ($0.place, $0.weight / total) }
    }

    private func weight(at distance: Double) -> Double {
        guard let a = coefficient else { return max(0, 1 - distance) }
        if distance <= 1 { return ((a + 2) * distance - (a + 3)) * distance * distance + 1 }
        if distance < 2 { return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a }
        return 0
    }
}
