import ByteText
import JobContract

/// The progress of a phase as text. Pure: the time is an argument.
///
/// - SeeAlso: tqdm, `format_meter`
package struct ProgressBar: Hashable, Sendable {
    package var phase: String
    package var step = 0
    package var steps = 0
    /// Samples per second, when known.
    package var rate: Double?
    package var elapsedSeconds = 0.0

    private var fraction: Double { steps > 0 ? min(1, Double(step) / Double(steps)) : 0 }

    /// The time left at the speed so far; nil before any progress.
    package var remainingSeconds: Double? { fraction > 0 ? elapsedSeconds * (1 - fraction) / fraction : nil }

    /// One line of at most `columns` columns.
    package func text(columns: Int) -> String {
        let left = "\(phase): \(Self.padded(Int(fraction * 100), to: 3))%|"
        let rate = rate.map { ", \(Self.rounded($0))samples/s" } ?? ""
        let remaining = remainingSeconds.map(Self.clock) ?? "?"
        let right = "| \(step)/\(steps) [\(Self.clock(elapsedSeconds))<\(remaining)\(rate)]"
        let room = max(4, columns - left.count - right.count - 1)
        return String((left + Self.bar(fraction, width: room) + right).prefix(max(0, columns)))
    }

    /// The line for an output that is not a terminal.
    package var line: String {
        guard steps > 0 else { return phase }
        let rate = rate.map { "  \(Self.rounded($0)) samples/s" } ?? ""
        let remaining = remainingSeconds.map { "  \(Self.clock($0)) left" } ?? ""
        return "\(phase)  \(step)/\(steps)  \(Int(fraction * 100)) %\(rate)\(remaining)"
    }

    /// A bar of full blocks that ends in a block of eighths.
    private static func bar(_ fraction: Double, width: Int) -> String {
        let eighths = Int(fraction * Double(width * 8))
        let (full, rest) = eighths.quotientAndRemainder(dividingBy: 8)
        let parts = Array(" ▏▎▍▌▋▊▉")
        let bar = String(repeating: "█", count: full) + (full < width ? String(parts[rest]) : "")
        return bar + String(repeating: " ", count: max(0, width - full - 1))
    }

    /// `mm:ss`, or `h:mm:ss` from an hour on.
    package static func clock(_ seconds: Double) -> String {
        let total = Int(exactly: seconds.rounded(.down)) ?? 0
        let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
        let tail = "\(zeroPadded(minutes)):\(zeroPadded(rest))"
        return hours > 0 ? "\(hours):\(tail)" : tail
    }

    private static func zeroPadded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func padded(_ number: Int, to width: Int) -> String {
        let text = String(number)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func rounded(_ rate: Double) -> String { NumberFormat.fixed(rate, digits: rate < 100 ? 1 : 0) }
}
