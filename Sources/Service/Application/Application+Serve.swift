import Dispatch
import Foundation
import Glibc
import JobContract
package import Logging

extension Application {
    /// Runs the service until `SIGTERM` or `SIGINT`, and returns when everything is put away. A second signal ends it at once.
    ///
    /// - Parameters:
    ///   - configuration: what to run with
    ///   - logger: gets what clients do not see
    /// - Throws: whatever keeps it from starting.
    package static func serve(_ configuration: Configuration, logger: Logger) async throws {
        // A client that leaves early is an error of the write, not the end of the service.
        _ = signal(SIGPIPE, SIG_IGN)
        // The terminal that started the service may close; the service goes on.
        _ = signal(SIGHUP, SIG_IGN)
        let signals = StopSignals()
        // The path of the running program, also when it was started by a relative name or has been replaced since.
        let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let application = try await Application(configuration: configuration, executable: executable, logger: logger)
        await signals.first()
        logger.notice("stopping", metadata: ["drain_seconds": "\(configuration.drain / .seconds(1))"])
        await application.stop()
    }

    /// Whether the service with this configuration answers that it is ready.
    package static func healthcheck(_ configuration: Configuration) -> Bool {
        Healthcheck.isReady(host: configuration.host, port: configuration.port)
    }
}

/// Waits for the signals that end the service. A class, because it owns the sources that hear them.
///
/// @unchecked: the sources are made in the initialiser, cancelled in the deinitialiser, and not touched in between.
private final class StopSignals: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]
    private let heard: AsyncStream<Void>

    init() {
        let (heard, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(2))
        self.heard = heard
        let queue = DispatchQueue(label: "service.signals")
        let stopping = StopFlag()
        sources = [SIGTERM, SIGINT].map { number in
            // The source hears the signal although its default action, the end of the process, is off.
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                // Everything acknowledged is on disk: leaving at once loses nothing but the work since the last checkpoint.
                if stopping.isSet { exit(1) }
                stopping.set()
                continuation.yield()
            }
            source.activate()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }

    func first() async {
        for await _ in heard { return }
    }
}
