import ByteText
import Foundation

/// A scale that places the numbers of one axis, with ticks at round numbers: 1, 2 and 5 times powers of ten.
struct PlotScale: Equatable {
    let lower: Double
    let upper: Double
    let ticks: [Double]
    let isLogarithmic: Bool

    /// The place of a number, 0 at the lower end and 1 at the upper one; what is beyond lies at the end.
    func position(_ value: Double) -> Double {
        guard !value.isNaN, upper > lower else { return 0 }
        let inside = min(max(value, lower), upper)
        guard isLogarithmic else { return (inside - lower) / (upper - lower) }
        return (log10(inside) - log10(lower)) / (log10(upper) - log10(lower))
    }
}

extension PlotScale {
    /// The size beyond which a number is left out, so that no difference of two overflows.
    private static let largest = 1e300
    /// The share of their size by which numbers have to differ to be told apart.
    private static let finest = 1e-12
    /// The share of a step by which a number may lie beyond the last tick.
    private static let slack = 1e-9
    /// The ratio of the largest to the smallest number from which on a scale is logarithmic.
    private static let wideRatio = 30.0
    /// The number of ticks beyond which a logarithmic scale has fewer.
    private static let tickLimit = 7

    /// A linear scale.
    ///
    /// - Parameters:
    ///   - values: the numbers to show; what is not finite is left out.
    ///   - count: about how many steps there are between ticks.
    init(linear values: [Double], steps count: Int = 5) {
        let known = values.filter { abs($0) < Self.largest }
        var (low, high) = (known.min() ?? 0, known.max() ?? 1)
        let size = max(abs(low), abs(high))
        if size < 1 / Self.largest {
            (low, high) = (0, 1)
        } else if high - low < size * Self.finest {
            (low, high) = (low - size / 2, high + size / 2)
        }
        let step = RoundNumber(notBelow: (high - low) / Double(max(1, count)))
        // A tick that a number is as good as on holds it.
        let first = (low / step.value + Self.slack).rounded(.down)
        let last = (high / step.value - Self.slack).rounded(.up)
        let steps = max(1, min(4 * max(1, count), Int((last - first).rounded())))
        let ticks = (0...steps).map { step.times(first + Double($0)) }
        self.init(lower: ticks.first ?? 0, upper: ticks.last ?? 1, ticks: ticks, isLogarithmic: false)
    }

    /// A logarithmic scale, or a linear one where no number is positive. Zeros lie at its lower end.
    init(logarithmic values: [Double]) {
        let known = values.filter { $0 > 1 / Self.largest && $0 < Self.largest }
        guard let low = known.min(), let high = known.max() else {
            self.init(linear: values)
            return
        }
        var (first, last) = (RoundNumber(notAbove: low), RoundNumber(notBelow: high))
        if values.contains(0) || first == last { first = first.previous }
        if first.next == last { last = last.next }
        var numbers = (first.place...last.place).map(RoundNumber.init)
        if numbers.count > Self.tickLimit {
            let decades = numbers.filter(\.isPower)
            let stride = (decades.count + Self.tickLimit - 1) / Self.tickLimit
            numbers = decades.enumerated().filter { $0.offset.isMultiple(of: max(1, stride)) }.map(\.element)
        }
        self.init(lower: first.value, upper: last.value, ticks: numbers.map(\.value), isLogarithmic: true)
    }

    /// The scale that shows the numbers best: logarithmic where they spread widely, else linear from 0.
    init(of values: [Double]) {
        let known = values.filter { $0 > 0 && $0 < Self.largest }
        guard let low = known.min(), let high = known.max(), high / low > Self.wideRatio else {
            self.init(linear: values + [0])
            return
        }
        self.init(logarithmic: values)
    }
}

/// A number 1, 2 or 5 times a power of ten.
struct RoundNumber: Equatable {
    /// The place in the row ..., 0.5, 1, 2, 5, 10, ..., where 1 has place 0.
    let place: Int

    init(_ place: Int) { self.place = place }

    /// The largest one not above a positive number.
    init(notAbove value: Double) {
        var number = RoundNumber(3 * Int(log10(value).rounded(.down)) + 3)
        while number.value > value { number = number.previous }
        self = number
    }

    /// The smallest one not below a positive number.
    init(notBelow value: Double) {
        var number = RoundNumber(3 * Int(log10(value).rounded(.down)) - 1)
        while number.value < value { number = number.next }
        self = number
    }

    var value: Double { times(1) }
    var next: RoundNumber { RoundNumber(place + 1) }
    var previous: RoundNumber { RoundNumber(place - 1) }
    var isPower: Bool { place.isMultiple(of: 3) }

    /// A multiple, as near as a number can be: a quotient by a power of ten is rounded once.
    func times(_ factor: Double) -> Double {
        let exponent = Int((Double(place) / 3).rounded(.down))
        let digits = [1.0, 2, 5][place - 3 * exponent] * factor
        return exponent < 0 ? digits / pow(10, Double(-exponent)) : digits * pow(10, Double(exponent))
    }
}

/// The kind of number on an axis, which decides how a tick is written.
enum PlotUnit {
    /// A number of things, such as parameters.
    case count
    /// A share of one, written in percent.
    case share
    case number

    func text(_ value: Double) -> String {
        switch self {
        case .count:
            let scales = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")]
            guard let scale = scales.first(where: { abs(value) >= $0.0 }) else { return Self.short(value) }
            return Self.short(value / scale.0) + scale.1
        case .share: return Self.short(100 * value) + " %"
        case .number: return Self.short(value)
        }
    }

    /// A number with at most three significant digits, and no zeros behind them.
    private static func short(_ value: Double) -> String {
        let size = abs(value)
        guard size > 0, size.isFinite else { return size.isFinite ? "0" : "-" }
        guard size >= 1e-4, size < 1e6 else {
            let exponent = Int(log10(size).rounded(.down))
            return trimmed(NumberFormat.fixed(value / pow(10, Double(exponent)), digits: 2)) + "e\(exponent)"
        }
        return trimmed(NumberFormat.fixed(value, digits: max(0, 2 - Int(log10(size).rounded(.down)))))
    }

    private static func trimmed(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: ".")) else { return text }
        var bytes = Array(text.utf8)
        while bytes.last == UInt8(ascii: "0") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
