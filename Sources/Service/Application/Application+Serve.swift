import Dispatch
import Foundation
import Glibc
import JobContract
package import Logging

extension Application {
    /// Runs the server until `SIGTERM` or `SIGINT`, and returns after an orderly stop. A second signal ends it at once.
    ///
    /// - Parameters:
    ///   - configuration: the configuration of the server
    ///   - logger: receives what clients do not see
    /// - Throws: any error that prevents the start.
    package static func serve(_ configuration: Configuration, logger: Logger) async throws {
        // A client that disconnects early causes an error of the write, not the end of the server.
        _ = signal(SIGPIPE, SIG_IGN)
        // The server outlives the terminal that started it.
        _ = signal(SIGHUP, SIG_IGN)
        let signals = StopSignals()
        // The path of the running program, even when it was started by a relative name or has been replaced since.
        let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let application = try await Application(configuration: configuration, executable: executable, logger: logger)
        await signals.first()
        logger.notice("stopping", metadata: ["drain_seconds": "\(configuration.drain / .seconds(1))"])
        await application.stop()
    }

    /// True when the server with this configuration reports that it is ready.
    package static func healthcheck(_ configuration: Configuration) -> Bool {
        Healthcheck.isReady(host: configuration.host, port: configuration.port)
    }
}

/// Waits for the signals that end the server. A class because it owns the signal sources.
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
            // The source receives the signal although its default action, the end of the process, is off.
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                // Everything acknowledged is on disk: exiting at once loses only the work since the last checkpoint.
                if stopping.isSet { exit(1) }
                stopping.set()
                continuation.yield()
            }
            source.activate()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }

    func first() async { for await _ in heard { return } }
}
