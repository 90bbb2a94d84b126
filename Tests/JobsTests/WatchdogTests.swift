import Testing

@testable import Jobs

struct WatchdogTests {
    private let start = ContinuousClock.now

    private func watchdog(memory: Int? = nil, deadline: Int? = nil) -> Watchdog {
        Watchdog(
            memoryLimitBytes: memory, deadline: deadline.map { (start + .seconds($0), $0) },
            settings: SupervisorSettings(), start: start)
    }

    private func look(
        _ dog: inout Watchdog, at seconds: Double, cpu: Double = 0, memory: Int = 0, lines: Int = 0,
        isUsable: Bool = false, asked: StopReason? = nil
    ) -> [Watchdog.Action] {
        dog.look(
            at: ProcessSample(cpuSeconds: cpu, anonymousBytes: memory), lines: lines, isUsable: isUsable, asked: asked,
            now: start + .seconds(seconds))
    }

    @Test func `a quiet start needs nothing`() {
        var dog = watchdog(memory: 100, deadline: 5)
        #expect(look(&dog, at: 0, memory: 100) == [])
        #expect(dog.stop == nil)
    }

    @Test func `one byte past the limit kills at once`() {
        var dog = watchdog(memory: 100)
        #expect(look(&dog, at: 1, memory: 101) == [.kill])
        #expect(dog.stop == .memory(limitBytes: 100, usedBytes: 101))
        #expect(look(&dog, at: 2, memory: 500) == [])
    }

    @Test func `a cancel is asked for once and enforced after the grace`() {
        var dog = watchdog()
        #expect(look(&dog, at: 1, asked: .cancelled) == [.terminate])
        #expect(look(&dog, at: 1.9, asked: .cancelled) == [])
        #expect(look(&dog, at: 2, asked: .cancelled) == [.kill])
        #expect(look(&dog, at: 3, asked: .cancelled) == [])
        #expect(dog.stop == .cancelled)
    }

    @Test func `the first reason stays`() {
        var dog = watchdog(memory: 100, deadline: 5)
        _ = look(&dog, at: 5)
        _ = look(&dog, at: 5.5, memory: 200, asked: .cancelled)
        #expect(dog.stop == .deadline(seconds: 5))
    }

    @Test func `a deadline waits for a process that can end with a result, but not for ever`() {
        var dog = watchdog(deadline: 5)
        #expect(look(&dog, at: 5, cpu: 1, isUsable: true) == [])
        #expect(look(&dog, at: 64.9, cpu: 2, isUsable: true) == [.renew])
        #expect(look(&dog, at: 65, cpu: 3, isUsable: true) == [.terminate])
        #expect(dog.stop == .deadline(seconds: 5))
    }

    @Test func `a stop of the server leaves more time, and less when the job is cancelled meanwhile`() {
        var dog = watchdog()
        #expect(look(&dog, at: 1, asked: .serverStopping) == [.terminate])
        #expect(look(&dog, at: 5, asked: .serverStopping) == [])
        #expect(look(&dog, at: 6, asked: .cancelled) == [.terminate])
        #expect(look(&dog, at: 7, asked: .cancelled) == [.kill])
        #expect(dog.stop == .cancelled)
    }

    @Test func `a lost lease kills at once`() {
        var dog = watchdog()
        #expect(look(&dog, at: 1, asked: .leaseLost) == [.kill])
    }

    @Test func `the lease is renewed for output and for CPU time, and for nothing else`() {
        var dog = watchdog()
        #expect(look(&dog, at: 10, lines: 1) == [])
        #expect(look(&dog, at: 20, lines: 1) == [.renew])
        #expect(look(&dog, at: 30, cpu: 1, lines: 1) == [])
        #expect(look(&dog, at: 40, cpu: 1, lines: 1) == [.renew])
        #expect(look(&dog, at: 70, cpu: 1, lines: 1) == [])
        #expect(dog.stop == nil)
    }

    @Test func `a child that stands still for a lease is ended`() {
        var dog = watchdog()
        #expect(look(&dog, at: 59.9) == [])
        #expect(look(&dog, at: 60) == [.terminate])
        #expect(look(&dog, at: 61) == [.kill])
        #expect(dog.stop == .stalled(seconds: 60))
    }
}
