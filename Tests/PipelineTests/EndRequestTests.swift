import Testing

@testable import Pipeline

struct EndRequestTests {
    /// A clock and a flag that the test sets. A class, because the request reads them.
    private final class World {
        var seconds = 0.0
        var isAsked = false
    }

    @Test func `a search ends at the deadline less what comes behind it`() {
        let (world, start) = (World(), ContinuousClock.now)
        let request = EndRequest(
            deadline: start + .seconds(10), now: { start + .seconds(world.seconds) }, isAsked: { world.isAsked })
        request.reserve = .seconds(3)
        world.seconds = 6.9
        #expect(!request.isFinishing() && request.heeded == nil)
        world.seconds = 7
        #expect(request.isFinishing() && request.heeded == .deadline)
        world.isAsked = true
        #expect(request.isFinishing() && request.heeded == .deadline)
    }

    @Test func `a request is heeded when the search asks`() {
        let world = World()
        let request = EndRequest(isAsked: { world.isAsked })
        #expect(!request.isFinishing())
        world.isAsked = true
        #expect(request.heeded == nil)
        #expect(request.isFinishing() && request.heeded == .finish)
    }
}
