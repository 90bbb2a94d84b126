import Foundation
import TestSupport
import Testing

@testable import Jobs

struct StoppingTests {
    @Test func `cancel ends a busy child and its grandchildren, though they ignore SIGTERM`() async throws {
        let shop = try ScriptedSupervisor()
        try shop.add(
            """
            trap '' TERM
            (trap '' TERM; while :; do :; done) & echo $! > grandchild
            echo $$ > child
            \(ready)
            while :; do :; done
            """)
        try shop.supervisor.start()
        _ = try await shop.wait { $0.phase == "ready" }
        let begin = ContinuousClock.now
        try shop.store.requestCancel("job_1", at: 200)
        let job = try await shop.end()
        #expect(job.status == .cancelled && job.error == nil)
        for name in ["child", "grandchild"] { #expect(await shop.hasEnded(try #require(shop.process(name)))) }
        #expect(ContinuousClock.now - begin < .seconds(20))
        await shop.supervisor.stop()
    }

    @Test func `a busy child is told once to finish, after its first line, and succeeds`() async throws {
        let shop = try ScriptedSupervisor()
        try shop.add(
            """
            sleep 0.2
            trap 'echo x >> told' USR1
            \(ready)
            while [ ! -e told ]; do sleep 0.02; done
            sleep 0.2
            \(done)
            """)
        try shop.supervisor.start()
        _ = try await shop.wait { $0.status == .running }
        // Asked before the child listens, and again: the signal would end it now.
        for time in 200...201 { #expect(try shop.store.requestFinish("job_1", at: time).finishRequested) }
        let job = try await shop.end()
        #expect(job.status == .succeeded && job.attempt == 1)
        #expect(shop.folder.text("told") == "x\n")
        let asked = try shop.store.events(of: "job_1", limit: 99).elements.filter {
            $0.message == "asked to finish with the best point so far"
        }
        #expect(asked.count == 1)
        #expect(throws: JobsError.notFinishable(.succeeded)) { try shop.store.requestFinish("job_1", at: 202) }
        await shop.supervisor.stop()
    }

    @Test func `a finish outlives the process that was asked`() async throws {
        let shop = try ScriptedSupervisor()
        try shop.add(
            """
            told() { echo x >> told; [ -e again ] && { \(done); exit 0; }; touch again; kill -9 $$; }
            trap told USR1
            \(ready)
            while :; do sleep 0.02; done
            """)
        #expect(throws: JobsError.notFinishable(.queued)) { try shop.store.requestFinish("job_1", at: 200) }
        try shop.supervisor.start()
        _ = try await shop.wait { $0.phase == "ready" }
        try shop.store.requestFinish("job_1", at: 200)
        let job = try await shop.end()
        #expect(job.status == .succeeded && job.attempt == 2)
        #expect(shop.folder.text("told") == "x\nx\n")
        await shop.supervisor.stop()
    }

    @Test(arguments: 0..<12)
    func `a job cancelled at a random moment is cancelled, or had ended before`(seed: UInt64) async throws {
        let shop = try ScriptedSupervisor()
        var numbers = SeededNumbers(state: seed)
        try shop.add("\(ready); sleep 0.0\(seed % 5); \(done)")
        if seed % 3 != 0 { try shop.supervisor.start() }
        if seed % 3 == 2 { _ = try await shop.wait { $0.phase == "ready" || $0.status.isFinal } }
        try await Task.sleep(for: .microseconds(Int.random(in: 0..<60_000, using: &numbers)))
        let cancelled: Bool
        do {
            try shop.store.requestCancel("job_1", at: 200)
            cancelled = true
        } catch JobsError.notCancellable(let status) {
            #expect(status == .succeeded)
            cancelled = false
        }
        if seed % 3 == 0 { try shop.supervisor.start() }
        let job = try await shop.end()
        await shop.supervisor.stop()
        #expect(job.status == (cancelled ? .cancelled : .succeeded))
        #expect(try shop.store.find("job_1") == job)
    }

    @Test func `a stop puts the job back without counting, and the next server finishes it`() async throws {
        let shop = try ScriptedSupervisor()
        try shop.add("[ -e again ] && { \(done); exit 0; }; touch again; echo $$ > child; \(ready); exec sleep 1000")
        try shop.supervisor.start()
        _ = try await shop.wait { $0.phase == "ready" }
        await shop.supervisor.stop()
        let waiting = try shop.store.find("job_1")
        #expect(waiting.status == .queued && waiting.attempt == 0)
        #expect(await shop.hasEnded(try #require(shop.process("child"))))
        let next = Supervisor(
            store: shop.store, settings: shop.supervisor.settings, command: shop.supervisor.command,
            now: shop.supervisor.now, logger: shop.supervisor.logger)
        try next.start()
        let job = try await shop.end()
        #expect(job.status == .succeeded && job.attempt == 1)
        await next.stop()
    }

    @Test func `a stop ends an idle supervisor`() async throws {
        let shop = try ScriptedSupervisor()
        try shop.supervisor.start()
        await shop.supervisor.stop()
    }

    @Test func `a worker whose job was taken away kills its child and writes nothing`() async throws {
        let shop = try ScriptedSupervisor()
        try shop.add("echo $$ > child; \(ready); exec sleep 1000")
        let lease = try #require(try shop.store.claim(at: 100, leaseUntil: 160))
        async let attempt: Void = shop.supervisor.run(lease)
        _ = try await shop.wait { $0.phase == "ready" }
        // Claimed again after the lease has expired, without the running lease in `held`.
        let taken = try #require(try shop.store.claim(at: 9_000_000_000, leaseUntil: 9_000_001_000))
        await attempt
        #expect(await shop.hasEnded(try #require(shop.process("child"))))
        #expect(try shop.store.find("job_1").lease == taken.lease)
        #expect(try shop.store.find("job_1").status == .running)
    }
}
