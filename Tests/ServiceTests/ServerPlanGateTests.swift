import Testing

@testable import Service

struct ServerPlanGateTests {
    @Test func `the line moves in its order, and has an end`() async throws {
        let gate = PlanGate(places: 1, line: 2)
        try await gate.enter()
        var waiting: [Task<Void, any Error>] = []
        for place in 1...2 {
            waiting.append(Task { try await gate.enter() })
            while await gate.length < place { await Task.yield() }
        }
        let problem = await #expect(throws: Problem.self) { try await gate.enter() }
        #expect(problem?.code == .queueFull)
        #expect(problem?.retryAfterSeconds == 5)
        await gate.leave()
        try await waiting[0].value
        #expect(await gate.length == 1)
        await gate.leave()
        try await waiting[1].value
        await gate.leave()
        try await gate.enter()
        #expect(await gate.length == 0)
    }
}
