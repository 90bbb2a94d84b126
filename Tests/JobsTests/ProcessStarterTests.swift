import Foundation
import Glibc
import SystemCalls
import Testing

@testable import Jobs

/// Tests of starting child processes.
struct ProcessStarterTests {
    private func command(_ script: String) -> JobCommand {
        JobCommand(executable: "/bin/sh", arguments: ["-c", script], workingDirectory: "/")
    }

    private func output(_ script: String) async throws -> String {
        let outcome = try await ChildCall.run(command(script), timeout: .seconds(30), outputBytes: 1 << 20)
        return String(decoding: outcome.output, as: UTF8.self)
    }

    @Test func `a child inherits no descriptor, however it was opened`() async throws {
        // Without O_CLOEXEC, and with a number that other tests do not use.
        let file = open("/dev/null", O_RDONLY)
        let raw = fcntl(file, F_DUPFD, 700)
        defer { _ = (close(file), close(raw)) }
        #expect(try await output("ls /proc/self/fd | wc -l; [ -e /proc/$$/fd/\(raw) ] && echo leaked") == "4\n")
    }

    @Test func `a child has every signal as a new program has it`() async throws {
        _ = signal(SIGHUP, SIG_IGN)
        let lines = try await output("grep -E 'Sig(Ign|Blk)' /proc/self/status | cut -f2")
        // Without the two signals that the C library reserves (nptl(7)).
        let masks = lines.split(separator: "\n").map { UInt64($0, radix: 16).map { $0 & ~0x1_8000_0000 } }
        #expect(masks == [0, 0])
    }

    @Test func `children share the one thread that started them, which lives on`() async throws {
        // These children would get the parent-death signal if that thread ended.
        for _ in 0..<3 {
            let outcome = try await ChildCall.run(command("sleep 0.05"), timeout: .seconds(30), outputBytes: 10)
            #expect(outcome.exitCode == 0)
        }
    }

    @Test(arguments: [
        (EMFILE, true), (ENFILE, true), (EAGAIN, true), (ENOMEM, true), (ENOENT, false), (EACCES, false),
    ])
    func `a want of room is another thing than a program that cannot be started`(code: CInt, isPassing: Bool) {
        #expect(SystemError(call: "posix_spawn", code: code).isPassing == isPassing)
    }

    @Test func `a child that could not be started for want of room is not an attempt`() {
        let ending = AttemptOutcome(stop: nil, exit: .noResources, result: nil, error: nil)
        let reason = "the machine has no room for another process now"
        #expect(ending.verdict(attempt: 3, attempts: 3) == .retry(reason: reason, countsAttempt: false))
    }

    @Test func `a program that is not there says so`() async throws {
        let missing = JobCommand(executable: "/no/such/program", arguments: [], workingDirectory: "/")
        await #expect(throws: SystemError(call: "posix_spawn", code: ENOENT)) {
            try await ChildCall.run(missing, timeout: .seconds(30), outputBytes: 10)
        }
    }

    @Test func `the limit of descriptors is the most that there may be`() {
        #expect(DescriptorLimit.raise() == DescriptorLimit.current)
        #expect(DescriptorLimit.hasRoom(for: DescriptorLimit.perProcess))
    }
}
