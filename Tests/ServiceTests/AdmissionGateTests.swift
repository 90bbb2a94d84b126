import Testing

@testable import JobContract
@testable import Service

struct AdmissionGateTests {
    @Test func `the line moves in its order, and has an end`() async throws {
        let gate = AdmissionGate(places: 1, line: 2)
        let first = try await gate.enter(waiting: Self.long, staying: Self.long)
        var waiting: [Task<AdmissionGate.Place, any Error>] = []
        for place in 1...2 {
            waiting.append(Task { try await gate.enter(waiting: Self.long, staying: Self.long) })
            while await gate.length < place { await Task.yield() }
        }
        let problem = await #expect(throws: Problem.self) {
            try await gate.enter(waiting: Self.long, staying: Self.long)
        }
        #expect(problem?.code == .queueFull)
        #expect(problem?.retryAfterSeconds == 5)
        await gate.leave(first)
        let second = try await waiting[0].value
        #expect(await gate.length == 1)
        // A place that was given back before is nobody's.
        await gate.leave(first)
        #expect(await gate.length == 1)
        await gate.leave(second)
        await gate.leave(try await waiting[1].value)
        _ = try await gate.enter(waiting: Self.long, staying: Self.long)
        #expect(await gate.length == 0)
    }

    private static let long = Duration.seconds(600)

    @Test func `a place that is not given back is taken back`() async throws {
        let gate = AdmissionGate(places: 1, line: 1)
        _ = try await gate.enter(waiting: Self.long, staying: .milliseconds(20))
        _ = try await gate.enter(waiting: Self.long, staying: Self.long)
    }

    @Test func `nobody waits longer than was said`() async throws {
        let gate = AdmissionGate(places: 1, line: 1)
        _ = try await gate.enter(waiting: Self.long, staying: Self.long)
        let problem = await #expect(throws: Problem.self) {
            try await gate.enter(waiting: .milliseconds(20), staying: Self.long)
        }
        #expect(problem?.code == .queueFull)
        #expect(await gate.length == 0)
    }

    @Test func `whoever leaves the line makes room in it`() async throws {
        let gate = AdmissionGate(places: 1, line: 1)
        _ = try await gate.enter(waiting: Self.long, staying: Self.long)
        let waiting = Task { try await gate.enter(waiting: Self.long, staying: Self.long) }
        while await gate.length < 1 { await Task.yield() }
        waiting.cancel()
        await #expect(throws: Problem.self) { try await waiting.value }
        #expect(await gate.length == 0)
    }
}
