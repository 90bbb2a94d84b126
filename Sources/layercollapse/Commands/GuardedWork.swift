import ArgumentParser
import ByteText
import JobContract
import Options
import Pipeline

/// The work of a command that is a job's process too: a signal or the deadline may end it, and its threads and memory are
/// limited.
struct GuardedWork {
    let isJob: Bool
    let reporter: EventReporter

    /// Runs the work.
    ///
    /// - Parameters:
    ///   - options: the options, whose deadline and threads count.
    ///   - threads: the threads when the options give none.
    ///   - memoryLimitBytes: the most memory; nil for no limit.
    ///   - body: the work.
    /// - Throws: what the body throws.
    func run(
        _ options: JobOptions, threads: Int?, memoryLimitBytes: Int?, _ body: () throws -> Void
    ) throws {
        let interruption = Interruption()
        defer { withExtendedLifetime(interruption) {} }
        // The server enforces the deadlines of its jobs.
        let deadline = isJob ? nil : Deadline.ofCommand(options)
        defer { withExtendedLifetime(deadline) {} }
        Processor.useThreads(options.threads ?? threads)
        if let memoryLimitBytes { try ChildGuard.limitMemory(bytes: memoryLimitBytes) }
        try body()
    }

    /// Runs code whose errors are reported, but for exit statuses.
    func reporting(_ body: () throws -> Void) throws {
        do { try body() } catch let code as ExitCode { throw code } catch {
            throw reporter.reported(Problem(any: error))
        }
    }
}

extension [String] {
    /// Checks that each path of a report ends in one of some endings.
    ///
    /// - Throws: ``Problem`` that names the first one that does not.
    func requireEndings(_ endings: [String]) throws(Problem) {
        for path in self where !endings.contains(where: { path.endsWithBytes(of: $0) }) {
            let known = endings.dropLast().joined(separator: ", ") + " or " + (endings.last ?? "")
            throw Problem(.invalidOption, "a report ends in \(known), not '\(path)'")
        }
    }
}
