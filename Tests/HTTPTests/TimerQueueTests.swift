import Testing

@testable import HTTP

@Test func `timers come in the order of their times`() {
    let start = ContinuousClock.now
    var queue = TimerQueue()
    let delays = [5, 3, 9, 1, 3, 7, 2, 8, 0, 6]
    for (id, delay) in delays.enumerated() { queue.add(UInt64(id), at: start + .seconds(delay)) }
    var order: [Int] = []
    while let (_, id) = queue.next(at: start + .seconds(8)) { order.append(delays[Int(id)]) }
    #expect(order == [0, 1, 2, 3, 3, 5, 6, 7, 8])
    #expect(queue.first == start + .seconds(9))
    #expect(queue.next(at: start + .seconds(9))?.id == 2)
    #expect(queue.next(at: start + .seconds(99)) == nil)
}
