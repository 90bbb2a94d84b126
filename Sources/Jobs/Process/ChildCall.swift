package import SystemCalls

/// Runs a child process to its end and collects its output, for requests whose client waits.
package enum ChildCall {
    package struct Outcome: Sendable, Equatable {
        /// The exit code; nil when a signal ended the process.
        package var exitCode: Int?
        package var output: [UInt8]
        /// The last bytes of its standard error, for the log.
        package var errors: [UInt8]
        package var stop: Stop?
    }

    /// The reason why the server killed the child.
    package enum Stop: Sendable, Equatable {
        case timeout
        case memory
        case tooMuchOutput
    }

    /// Runs the child and returns when it and its process group have ended.
    ///
    /// - Parameters:
    ///   - command: the command with its memory limit
    ///   - timeout: the time after which the child is killed
    ///   - outputBytes: the maximum output, beyond which the child is killed
    /// - Returns: its exit and its output
    /// - Throws: ``SystemError`` when the child cannot be started
    package static func run(
        _ command: JobCommand, timeout: Duration, outputBytes: Int
    ) async throws(SystemError) -> Outcome {
        let deadline = ContinuousClock.now + timeout
        var outcome = Outcome(exitCode: nil, output: [], errors: [], stop: nil)
        let exit = try await ChildProcess.run(command) { child in
            async let errors = tail(of: child)
            async let output = collect(child, limit: outputBytes)
            let stop = await guardChild(child, until: deadline, memoryBytes: command.memoryLimitBytes)
            let (bytes, isWhole) = await output
            outcome.output = bytes
            outcome.errors = await errors
            outcome.stop = isWhole ? stop : .tooMuchOutput
        }
        if case .exited(let code) = exit { outcome.exitCode = code }
        return outcome
    }

    private static func guardChild(
        _ child: ChildProcess, until deadline: ContinuousClock.Instant, memoryBytes: Int?
    ) async -> Stop? {
        var stop: Stop?
        while true {
            let sample = child.sample()
            if sample.hasEnded { break }
            if ContinuousClock.now >= deadline { stop = stop ?? .timeout }
            if let memoryBytes, sample.anonymousBytes > memoryBytes { stop = stop ?? .memory }
            // A cancelled task means that the client has disconnected.
            if stop != nil || Task.isCancelled { child.signalGroup(.kill) }
            // A cancelled task cannot sleep, and the killed child needs a moment to end.
            if (try? await Task.sleep(for: .milliseconds(10))) == nil { await Task.yield() }
        }
        child.signalGroup(.kill)
        return stop
    }

    private static func collect(_ child: ChildProcess, limit: Int) async -> (bytes: [UInt8], isWhole: Bool) {
        var bytes: [UInt8] = []
        do {
            for try await more in child.output {
                guard bytes.count + more.count <= limit else {
                    child.signalGroup(.kill)
                    return (bytes, false)
                }
                bytes += more
            }
        } catch {
            return (bytes, false)
        }
        return (bytes, true)
    }

    private static func tail(of child: ChildProcess) async -> [UInt8] {
        var tail = Tail(limit: 16 << 10)
        do {
            for try await bytes in child.errors { tail.append(bytes) }
        } catch {
            return tail.bytes
        }
        return tail.bytes
    }
}
