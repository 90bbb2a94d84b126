import Foundation
import Logging
import TestSupport
import Testing

@testable import Jobs

struct SupervisorTests {
    @Test func `a child that ends with a result has done its job`() async throws {
        let shop = try ScriptedSupervisor()
        let job = try await shop.run(
            """
            echo '{"type":"phase","message":"search"}'
            echo '{"type":"progress","message":"half","data":{"fraction":0.5}}'
            echo plain words
            \(done)
            """)
        #expect(job.status == .succeeded && job.result == Data(#"{"ok":1}"#))
        #expect(job.phase == "search" && job.progress == Data(#"{"fraction":0.5}"#))
        #expect(job.attempt == 1 && job.cpuSeconds >= 0)
        let types = try shop.fixture.eventTypes("job_1")
        #expect(types == ["status", "status", "phase", "progress", "log", "status", "done"])
    }

    @Test func `a child sees its folder, its arguments, an empty input that stays open, and nothing of the server's`()
        async throws
    {
        let shop = try ScriptedSupervisor()
        let job = try await shop.run(
            """
            env > environment
            pwd > folder
            ls -l /proc/self/fd > descriptors
            timeout --foreground 0.1 cat; echo $? > input
            \(done)
            """)
        #expect(job.status == .succeeded)
        let names = Set(
            try #require(shop.folder.text("environment")).split(separator: "\n").compactMap {
                $0.split(separator: "=").first.map(String.init)
            })
        #expect(names.isSubset(of: ["PATH", "PWD", "OLDPWD", "SHLVL", "_"]))
        #expect(try #require(shop.folder.text("folder")).contains(shop.folder.path.suffix(36)))
        #expect(!(try #require(shop.folder.text("descriptors")).contains("jobs.sqlite")))
        // 124: `timeout` ended `cat`, so the input stayed open.
        #expect(shop.folder.text("input") == "124\n")
    }

    @Test func `an error that the child reports is final, whatever its exit code`() async throws {
        let shop = try ScriptedSupervisor()
        let job = try await shop.run(#"echo '{"type":"error","data":{"code":"nan_loss"}}'; exit 1"#)
        #expect(job.status == .failed && job.attempt == 1 && job.error == Data(#"{"code":"nan_loss"}"#))
    }

    @Test func `a child that somebody kills is started again, and the third time is the last`() async throws {
        let shop = try ScriptedSupervisor()
        let job = try await shop.run("echo x >> starts; kill -9 $$")
        let message = "the worker was ended by SIGKILL, 3 times in all"
        #expect(job.status == .failed && job.attempt == 3)
        #expect(job.error == Data(#"{"code":"worker_crashed","message":"\#(message)"}"#))
        #expect(shop.folder.text("starts") == "x\nx\nx\n")
    }

    @Test func `a job that crashed once may still succeed`() async throws {
        let shop = try ScriptedSupervisor()
        let job = try await shop.run("[ -e again ] && { \(done); exit 0; }; touch again; kill -SEGV $$")
        #expect(job.status == .succeeded && job.attempt == 2)
        #expect(try shop.store.events(of: "job_1", limit: 99).elements.contains { $0.message.contains("SIGSEGV") })
    }

    @Test func `attempts that get further do not count, those that lead nowhere do`() async throws {
        let shop = try ScriptedSupervisor { $0.attempts = 2 }
        let job = try await shop.run(
            """
            echo x >> starts
            [ $(wc -l < starts) -le 3 ] && echo '{"type":"checkpoint","message":"step 7"}'
            kill -9 $$
            """)
        // Three attempts with a checkpoint, and then the two allowed ones.
        #expect(shop.folder.text("starts") == String(repeating: "x\n", count: 3 + 2))
        #expect(job.status == .failed && job.attempt == 2)
        let events = try shop.store.events(of: "job_1", limit: 99).elements
        #expect(!events.contains { $0.type == "checkpoint" })
        let warnings = events.filter { $0.type == "warning" }.map(\.message)
        let killed = "the worker was ended by SIGKILL; the job "
        #expect(
            warnings == Array(repeating: killed + "goes on from its last checkpoint", count: 3)
                + [killed + "starts again"])
    }

    @Test(arguments: ["exit 70", "exit 0", "echo '{\"type\":\"done\"}'; exit 3"])
    func `an end without a result is a crash`(script: String) async throws {
        let job = try await ScriptedSupervisor { $0.attempts = 1 }.run(script)
        #expect(job.status == .failed && job.error?.text.contains("worker_crashed") == true)
    }

    @Test func `a program that does not exist fails the job`() async throws {
        let fixture = try Fixture()
        try fixture.add("job_1")
        let supervisor = Supervisor(
            store: fixture.store,
            command: { _ in JobCommand(executable: "/no/such/program", arguments: [], workingDirectory: "/") },
            now: { 100 }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await supervisor.run(try #require(try fixture.store.claim(at: 100, leaseUntil: 160)))
        #expect(try fixture.store.find("job_1").status == .queued)
        #expect(
            try fixture.store.events(of: "job_1", limit: 9).elements.contains {
                $0.message.contains("could not be started")
            })
    }

    @Test func `a child past its memory limit is killed, with figures`() async throws {
        let limit = 64 << 20
        let shop = try ScriptedSupervisor(memoryLimitBytes: limit)
        // `tail` keeps an endless line in memory.
        let job = try await shop.run("exec tail /dev/zero")
        #expect(job.status == .failed && job.attempt == 1)
        struct Figures: Decodable {
            let code: String
            let limit_bytes: Int
            let used_bytes: Int
        }
        let figures = try JSONDecoder().decode(Figures.self, from: try #require(job.error))
        #expect(figures.code == "memory_limit" && figures.limit_bytes == limit && figures.used_bytes > limit)
        #expect(job.peakMemoryBytes > limit && job.cpuSeconds > 0)
    }

    @Test func `a job past its deadline ends`() async throws {
        let job = try await ScriptedSupervisor(deadlineSeconds: 0).run("while :; do :; done")
        #expect(job.status == .failed && job.error?.text.contains("deadline_exceeded") == true)
    }

    @Test func `a child that stands still for a lease is started again`() async throws {
        let shop = try ScriptedSupervisor {
            $0.leaseSeconds = 1
            $0.attempts = 1
        }
        let job = try await shop.run("kill -STOP $$")
        #expect(job.status == .failed && job.error?.text.contains("no progress for 1 s") == true)
    }

    @Test func `a flood of lines arrives whole and in order, up to the limit of events`() async throws {
        let shop = try ScriptedSupervisor { $0.events = 2000 }
        let job = try await shop.run("seq 1 20000; \(done)")
        #expect(job.status == .succeeded)
        let logs = try shop.store.events(of: "job_1", limit: 100_000).elements.filter { $0.type == "log" }
        // The two events before the process started count as well.
        #expect(logs.map(\.message) == (1...1998).map(String.init))
        #expect(try shop.fixture.eventTypes("job_1").filter { $0 == "warning" }.count == 1)
    }

    @Test func `the last line needs no end`() async throws {
        let job = try await ScriptedSupervisor().run(#"printf '{"type":"done","data":{"ok":2}}'"#)
        #expect(job.status == .succeeded && job.result == Data(#"{"ok":2}"#))
    }

    @Test func `a line without end costs no memory and no job`() async throws {
        let shop = try ScriptedSupervisor { $0.lineBytes = 1000 }
        let job = try await shop.run("head -c 3000000 /dev/zero | tr '\\0' x; echo; \(done)")
        #expect(job.status == .succeeded)
        #expect(try shop.store.events(of: "job_1", limit: 99).elements.contains { $0.message.contains("too long") })
    }

    @Test func `a flood of errors does not stop the child`() async throws {
        let job = try await ScriptedSupervisor().run("head -c 3000000 /dev/zero >&2; \(done)")
        #expect(job.status == .succeeded)
    }

    @Test func `a grandchild that holds the output open ends with its parent`() async throws {
        let shop = try ScriptedSupervisor()
        let job = try await shop.run("sleep 1000 & echo $! > grandchild; \(done)")
        #expect(job.status == .succeeded)
        #expect(await shop.hasEnded(try #require(shop.process("grandchild"))))
    }

    @Test func `jobs run one after the other in their order`() async throws {
        let shop = try ScriptedSupervisor()
        for number in 1...3 { try shop.add("echo \(number) >> order; \(done)", id: "job_\(number)") }
        try shop.supervisor.start()
        for number in 1...3 { #expect(try await shop.end("job_\(number)").status == .succeeded) }
        await shop.supervisor.stop()
        #expect(shop.folder.text("order") == "1\n2\n3\n")
    }

    @Test func `an idle worker hears of a new job`() async throws {
        let shop = try ScriptedSupervisor()
        try shop.supervisor.start()
        // Long enough to find an empty queue; without a signal the next check is a minute later.
        try await Task.sleep(for: .milliseconds(100))
        try shop.add(done)
        #expect(try await shop.end().status == .succeeded)
        await shop.supervisor.stop()
    }

    @Test func `several workers run several jobs at a time`() async throws {
        let shop = try ScriptedSupervisor { $0.concurrency = 2 }
        // Each job waits for the other, so they must run at the same time.
        try shop.add("touch one; while [ ! -e two ]; do sleep 0.01; done; \(done)", id: "job_1")
        try shop.add("touch two; while [ ! -e one ]; do sleep 0.01; done; \(done)", id: "job_2")
        try shop.supervisor.start()
        #expect(try await shop.end("job_1").status == .succeeded)
        #expect(try await shop.end("job_2").status == .succeeded)
        await shop.supervisor.stop()
    }
}
