import Testing

@testable import Compute

@Test func `sizes of one stretch from the right`() throws {
    let result = try Shape([4, 1, 3]).broadcast(with: Shape([5, 1]))
    #expect(result == (try Shape([4, 5, 3])))
}

@Test func `a product that overflows is not a shape`() {
    #expect(throws: ShapeError.invalid([.max, 2])) { try Shape([.max, 2]) }
}
