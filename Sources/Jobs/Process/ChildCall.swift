/// Runs a child to its end and collects what it prints: for questions that are answered while the client waits.
package enum ChildCall {
    package struct Outcome: Sendable, Equatable {
        /// nil when a signal ended it.
        package var exitCode: Int?
        package var output: [UInt8]
        /// The end of its standard error, for the log.
        package var errors: [UInt8]
        package var stop: Stop?
    }

    /// Why the child was ended by us.
    package enum Stop: Sendable, Equatable {
        case timeout
        case memory
        case tooMuchOutput
    }

    /// Starts the child, and returns when it and its process group are gone.
    ///
    /// - Parameters:
    ///   - command: what to run, with the limit of its memory.
    ///   - timeout: after which it is killed.
    ///   - outputBytes: the longest output; a child that prints more is killed.
    /// - Returns: how it ended, and what it printed.
    /// - Throws: ``JobsError`` when the child cannot be started.
    package static func run(
        _ command: JobCommand, timeout: Duration, outputBytes: Int
    ) async throws(JobsError) -> Outcome {
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
            // The client that asked may be gone: nobody waits for the answer.
            if stop != nil || Task.isCancelled { child.signalGroup(.kill) }
            // A cancelled task cannot sleep, and the child is being reaped by the kernel meanwhile.
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
