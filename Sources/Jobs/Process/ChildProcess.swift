import CProcess
import Dispatch
import Glibc
import SystemCalls

/// A running child process: its output, and signals to its process group. Valid in the closure that receives it.
struct ChildProcess: Sendable {
    enum Signal: Sendable {
        case terminate
        case kill
    }

    private let process: pid_t
    let output: Chunks
    let errors: Chunks

    /// Runs a child process as the leader of its own process group, with a standard input that stays open and empty.
    ///
    /// The child is reaped after `body` returns: until then its process id is not reused, so that signals reach the
    /// right group. Reading ends when the child has ended, even if a grandchild holds its output open.
    ///
    /// - Throws: ``SystemError``; ``SystemError/isPassing`` tells when a later start may succeed
    static func run(
        _ command: JobCommand, body: (ChildProcess) async -> Void
    ) async throws(SystemError) -> ChildExit {
        let (input, output, errors) = (try FileDescriptor.pipe(), try FileDescriptor.pipe(), try FileDescriptor.pipe())
        let process = try await ProcessStarter.get()
            .start(command, descriptors: [input.read, output.write, errors.write])
        let handle: FileDescriptor
        do throws(SystemError) {
            handle = FileDescriptor(try systemCall("pidfd_open") { pidfd_open(process, 0) })
        } catch {
            _ = kill(-process, SIGKILL)
            _ = await reap(process)
            throw error
        }
        await body(
            ChildProcess(
                process: process, output: Chunks(pipe: output.read, child: handle),
                errors: Chunks(pipe: errors.read, child: handle)))
        // Keeps the write end of the child's standard input open until here.
        withExtendedLifetime(input.write) {}
        _ = kill(-process, SIGKILL)
        return await reap(process)
    }

    /// Waits for the end of a child and reaps it, on a thread that may block.
    private static func reap(_ process: pid_t) async -> ChildExit {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "jobs.reap").async {
                var status: CInt = 0
                // SAFETY: the call fills `status`.
                while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
                // WIFSIGNALED, WTERMSIG and WEXITSTATUS, which Swift does not import (wait(2)).
                let signal = status & 0x7F
                continuation.resume(
                    returning: signal == 0 ? .exited(Int(status >> 8 & 0xFF)) : .signaled(Int(signal)))
            }
        }
    }

    /// Samples the child itself; of its descendants only the CPU time of reaped children is included.
    func sample() -> ProcessSample { ProcessSample.read(process) }

    /// Signals the child and its descendants in the same process group.
    func signalGroup(_ signal: Signal) {
        // Fails only when the group is empty, which is the purpose of the signal.
        _ = kill(-process, signal == .kill ? SIGKILL : SIGTERM)
    }

    /// Asks the child itself to finish with what it has, by SIGUSR1.
    func askToFinish() { _ = kill(process, SIGUSR1) }

    /// The bytes of a pipe as they arrive. Reading is on demand, so that a child with much output waits.
    struct Chunks: AsyncSequence, Sendable {
        let pipe: FileDescriptor
        /// The child's process descriptor, readable once the child has ended (pidfd_open(2)).
        let child: FileDescriptor

        struct AsyncIterator: AsyncIteratorProtocol {
            private static let chunkBytes = 64 << 10
            /// The maximum number of bytes read after the child has ended: the maximum capacity of a pipe.
            private static let restBytes = 1 << 20

            let pipe: FileDescriptor
            let child: FileDescriptor
            private let queue = DispatchQueue(label: "jobs.pipe")
            private var rest: Int?

            init(pipe: FileDescriptor, child: FileDescriptor) { (self.pipe, self.child) = (pipe, child) }

            mutating func next() async throws(SystemError) -> [UInt8]? {
                if let rest, rest <= 0 { return nil }
                let (pipe, child) = (pipe, child)
                let (bytes, hasEnded) = try await withCheckedContinuation {
                    (continuation: CheckedContinuation<Result<([UInt8], Bool), SystemError>, Never>) in
                    queue.async {
                        continuation.resume(
                            returning: Result { () throws(SystemError) in try Self.read(pipe, of: child) })
                    }
                }.get()
                if hasEnded { rest = (rest ?? Self.restBytes) - bytes.count }
                return bytes.isEmpty ? nil : bytes
            }

            /// Waits for bytes or the end of the child.
            ///
            /// - Returns: the bytes, empty at the end, and whether the child has ended
            private static func read(_ pipe: FileDescriptor, of child: FileDescriptor) throws(SystemError) -> (
                [UInt8], Bool
            ) {
                var watched = [pipe, child].map { pollfd(fd: $0.raw, events: CShort(POLLIN), revents: 0) }
                // SAFETY: the count passed is that of the array.
                try systemCall("poll") { unsafe poll(&watched, nfds_t(watched.count), -1) }
                let hasEnded = watched[1].revents != 0
                guard watched[0].revents != 0 else { return ([], hasEnded) }
                return (try pipe.read(upTo: chunkBytes), hasEnded)
            }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pipe: pipe, child: child) }
    }
}
