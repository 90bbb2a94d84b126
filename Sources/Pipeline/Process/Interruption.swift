import Dispatch
import Glibc
import JobContract
import SystemCalls

/// Ends the process on SIGINT or SIGTERM after removing partial output. A class because it owns the signal sources.
package final class Interruption {
    private let sources: [any DispatchSourceSignal]

    /// The exit status of a program ended by a signal, as in shells: 130 for SIGINT.
    private static func status(of signal: CInt) -> CInt { 128 + signal }

    package init() {
        let queue = DispatchQueue(label: "interruption")
        sources = [SIGINT, SIGTERM].map { number in
            // The default action would run before the source's handler.
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                AtomicOutput.abandonAll()
                _exit(Self.status(of: number))
            }
            source.activate()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
