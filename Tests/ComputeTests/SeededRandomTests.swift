import Testing

@testable import Compute

/// The numbers are those of Vigna's splitmix64.c for the seed 1234567.
@Test func `the generator is splitmix64`() {
    var random = SeededRandom(seed: 1_234_567)
    #expect(
        [random.next(), random.next(), random.next()] == [
            6457827717110365317, 3203168211198807973, 9817491932198370423,
        ])
}

@Test func `a generator goes on from its state`() {
    var first = SeededRandom(seed: 3)
    _ = first.shuffled(count: 10)
    var second = SeededRandom(seed: first.state)
    #expect(first.shuffled(count: 10) == second.shuffled(count: 10))
}

@Test(arguments: [0, 1, 2, 100])
func `a shuffle holds every number once and depends on the seed`(count: Int) {
    var (first, second, third) = (SeededRandom(seed: 1), SeededRandom(seed: 1), SeededRandom(seed: 2))
    let order = first.shuffled(count: count)
    #expect(order.sorted() == Array(0..<count))
    #expect(order == second.shuffled(count: count))
    if count == 100 { #expect(order != third.shuffled(count: count)) }
}
