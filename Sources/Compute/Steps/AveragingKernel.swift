/// The kernel of an interpolation, stretched over all the elements that one place of a shorter axis stands for.
///
/// - SeeAlso: onnx/Operators.md#Resize, `antialias`
struct AveragingKernel {
    private let averaging: Resampling.Averaging
    private let scale: Double
    /// The coefficient of the cubic kernel; nil for the linear one.
    private let coefficient: Double?
    /// How many elements before that at a coordinate, or just before it, the first is.
    private let before: Int
    /// As many elements are read on both sides of a coordinate.
    var tapCount: Int { 2 * before + 2 }

    /// Nil where there is nothing to average: the axis does not become shorter, or only the nearest element is read.
    init?(_ interpolation: Resampling.Interpolation, scale: Double, _ averaging: Resampling.Averaging) {
        guard scale < 1 else { return nil }
        switch interpolation {
        case .nearest: return nil
        case .linear: coefficient = nil
        case .cubic(let coefficient, _): self.coefficient = Double(coefficient)
        }
        // More than are ever read, and few enough for `Int`.
        let reach = min((coefficient == nil ? 1 : 2) / scale, 0x1p40)
        before = Int(reach.rounded(.up)) - 1
        (self.scale, self.averaging) = (scale, averaging)
    }

    /// The elements around a coordinate, of which those outside are the nearest ones inside, and their shares.
    func taps(at x: Double, of count: Int) -> [(place: Int, weight: Double)] {
        // A coordinate far outside, or none at all, must not trap.
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
