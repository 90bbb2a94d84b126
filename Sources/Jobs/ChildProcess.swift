import Glibc
import Subprocess

/// A running child: its output, and signals to its process group. Valid inside the closure that it is passed to.
struct ChildProcess: Sendable {
    enum Signal: Sendable {
        case terminate
        case kill
    }

    private let process: pid_t
    let output: Chunks
    let errors: Chunks

    /// Starts a child as the leader of its own process group, with a standard input that stays open and silent.
    ///
    /// The child is reaped after `body` returns, and not before: until then its number belongs to nobody else, so
    /// that signals reach the right group. Reading ends when the child has ended, though a grandchild may hold its
    /// output open.
    ///
    /// - Throws: `SubprocessError` when it cannot be started.
    static func run(_ command: JobCommand, body: (ChildProcess) async -> Void) async throws -> ChildExit {
        var environment: [Environment.Key: String] = [:]
        for (name, value) in command.environment { environment[.init(stringLiteral: name)] = value }
        var options = PlatformOptions()
        options.processGroupID = 0
        let configuration = Configuration(
            executable: .path(literal(command.executable)), arguments: Arguments(command.arguments),
            environment: .custom(environment), workingDirectory: literal(command.workingDirectory),
            platformOptions: options)
        let result = try await Subprocess.run(
            configuration, input: .inputWriter, output: .sequence, error: .sequence
        ) { execution in
            await body(
                ChildProcess(
                    process: execution.processIdentifier.value, output: Chunks(base: execution.standardOutput),
                    errors: Chunks(base: execution.standardError)))
        }
        return switch result.terminationStatus {
        case .exited(let code): .exited(Int(code))
        case .signaled(let number): .signaled(Int(number))
        }
    }

    /// A path as Subprocess wants it. Its type belongs to a package that is none of our dependencies, and can be made
    /// from a string without naming it.
    private static func literal<Path: ExpressibleByStringLiteral>(_ path: String) -> Path
    where Path.StringLiteralType == String {
        Path(stringLiteral: path)
    }

    /// Looks at the child itself; of its own children only the CPU time of those that it has reaped is in it.
    func sample() -> ProcessSample { ProcessSample.read(process) }

    /// Signals the child and all of its descendants that did not leave its group.
    func signalGroup(_ signal: Signal) {
        // Fails only when nobody is left in the group, which is what the signal was for.
        _ = kill(-process, signal == .kill ? SIGKILL : SIGTERM)
    }

    /// The bytes of a pipe as they arrive.
    struct Chunks: AsyncSequence, Sendable {
        let base: SubprocessOutputSequence

        struct AsyncIterator: AsyncIteratorProtocol {
            var base: SubprocessOutputSequence.Iterator

            mutating func next() async throws -> [UInt8]? {
                // SAFETY: the bytes are copied out before the closure returns.
                try await base.next().map { buffer in unsafe buffer.withUnsafeBytes { unsafe Array($0) } }
            }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator()) }
    }
}
