import Testing

@testable import Jobs

struct IdentifierTests {
    @Test func `ids sort by time and repeat with the seed only`() {
        var numbers = SeededNumbers(state: 7)
        let ids = [0, 1, 1_764_000_000, 1_764_000_001, 4_000_000_000].map {
            Identifier.make("job", at: $0, using: &numbers)
        }
        #expect(ids == ids.sorted())
        #expect(ids.allSatisfy { $0.count == 30 && $0.hasPrefix("job_0") })
        var same = SeededNumbers(state: 7)
        #expect(Identifier.make("job", at: 0, using: &same) == ids[0])
        #expect(Set((0..<1000).map { _ in Identifier.make("job", at: 0) }).count == 1000)
    }

    @Test func `ids of one second sort as they were made`() {
        var numbers = SeededNumbers(state: 7)
        let ids = (0..<1000).map { Identifier.make("job", at: 1_764_000_000, place: $0, using: &numbers) }
        #expect(ids == ids.sorted())
        #expect(Identifier.make("job", at: 1_764_000_001, using: &numbers) > ids[999])
        let last = Identifier.make("job", at: 1_764_000_000, place: .max, using: &numbers)
        #expect(last.prefix(14) == ids[999].prefix(14))
    }

    @Test(arguments: [Int.min, -1, Int.max])
    func `no time traps`(now: Int) {
        #expect(Identifier.make("job", at: now).count == 30)
    }
}
