import ByteText
import Foundation
import Glibc
package import JobContract

/// Shows events on standard error: one bar per phase on a terminal, otherwise a line every ten seconds. A class because
/// it remembers what it drew last.
package final class ProgressPrinter {
    private let isTerminal: Bool
    private let isQuiet: Bool
    private let clock = ContinuousClock()
    private var bar: ProgressBar?
    private var phaseStart: ContinuousClock.Instant
    private var lastShown: ContinuousClock.Instant

    private static let lineInterval = Duration.seconds(10)
    private static let drawInterval = Duration.milliseconds(100)
    private static let frontColumns = 60

    package init(isQuiet: Bool) {
        self.isQuiet = isQuiet
        // A terminal that cannot move its cursor gets lines.
        isTerminal = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
        (phaseStart, lastShown) = (clock.now, clock.now)
    }

    package func show(_ event: WorkEvent) {
        guard !isQuiet else { return }
        switch event.kind {
        case .phase: start(event.data["phase"]?.string ?? event.message)
        case .progress:
            bar?.step = event.data["step"]?.int ?? 0
            bar?.steps = event.data["steps"]?.int ?? 0
            bar?.rate = event.data["samples_per_second"]?.double
            draw()
        case .warning: print("warning: " + event.message)
        case .error: print("error: " + event.message)
        case .log: print(event.message)
        case .layer, .metrics, .status, .checkpoint, .usable: break
        case .done: finish()
        }
    }

    /// Finishes the current bar, so that other lines can follow.
    package func finish() {
        guard let bar, bar.steps > 0 else { return }
        draw(isForced: true)
        if isTerminal { write("\n") }
        self.bar = nil
    }

    /// Draws the front of a result, on a terminal alone.
    package func show(frontOf result: JSONValue) {
        guard isTerminal, !isQuiet, let front = FrontText(result) else { return }
        for line in front.lines(columns: min(Self.columns, Self.frontColumns)) { write(line.visible + "\n") }
    }

    private func start(_ phase: String) {
        finish()
        phaseStart = clock.now
        bar = ProgressBar(phase: phase.visible)
    }

    private func draw(isForced: Bool = false) {
        let now = clock.now
        guard var bar, now - lastShown >= (isTerminal ? Self.drawInterval : Self.lineInterval) || isTerminal && isForced
        else { return }
        lastShown = now
        bar.elapsedSeconds = (now - phaseStart) / .seconds(1)
        self.bar = bar
        write(isTerminal ? "\r" + bar.text(columns: Self.columns) : bar.line + "\n")
    }

    /// Prints one line. Control characters in names from files are shown as codes.
    private func print(_ message: String) {
        if isTerminal, bar.map({ $0.steps > 0 }) ?? false { write("\r\u{1B}[K") }
        write(message.visible + "\n")
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    private static var columns: Int {
        var size = winsize()
        // SAFETY: the call fills the one structure that its request is about.
        guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
