import Testing

@testable import Compute

// Expected numbers are those of PyTorch 2; `ceil_mode` changes only the size of the result.
private let ceiling = Window(
    kernel: [3, 3], strides: [2, 2], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1])
private let square = (0..<16).map(Float.init)

@Test func `padding counts but what hangs over it does not`() throws {
    let x = try tensor(square, [1, 1, 4, 4])
    let y = try result([1, 1, 3, 3]) { try .averagePool(x, window: ceiling, countsIncludePad: true, into: $0) }
    expectClose(y.floats, [1.111111, 2.666667, 1.666667, 5.666667, 10, 5.5, 4.166667, 7, 3.75])
    let dy = try tensor([Float](repeating: 1, count: 9), [1, 1, 3, 3])
    let dx = try result([1, 1, 4, 4]) {
        try .averagePoolBackward(dy: dy, window: ceiling, countsIncludePad: true, into: $0)
    }
    expectClose(
        dx.floats,
        [
            0.1111111, 0.2222222, 0.1111111, 0.2777778, 0.2222222, 0.4444444, 0.2222222, 0.5555556, 0.1111111,
            0.2222222,
            0.1111111, 0.2777778, 0.2777778, 0.5555556, 0.2777778, 0.6944445,
        ])
}

@Test func `padding does not count if it shall not`() throws {
    let x = try tensor(square, [1, 1, 4, 4])
    let y = try result([1, 1, 3, 3]) { try .averagePool(x, window: ceiling, countsIncludePad: false, into: $0) }
    expectClose(y.floats, [2.5, 4, 5, 8.5, 10, 11, 12.5, 14, 15])
    let dy = try tensor([Float](repeating: 1, count: 9), [1, 1, 3, 3])
    let dx = try result([1, 1, 4, 4]) {
        try .averagePoolBackward(dy: dy, window: ceiling, countsIncludePad: false, into: $0)
    }
    expectClose(
        dx.floats,
        [
            0.25, 0.4166667, 0.1666667, 0.6666667, 0.4166667, 0.6944445, 0.2777778, 1.111111, 0.1666667, 0.2777778,
            0.1111111, 0.4444444, 0.6666667, 1.111111, 0.4444444, 1.777778,
        ])
}

@Test func `the first of equal elements is the largest`() throws {
    let window = Window(kernel: [2, 2], strides: [2, 2], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0])
    let values: [Float] = [1, 1, 2, 2, 0, 1, 1, 2, 2, 0, 3, 3, 3, 0, 0, 5, 0, 5, 0, 1, 0, 0, 0, 0, 1]
    // Sixteen channels reach the vectors of the kernel, one does not.
    for channels in [1, 16] {
        let x = try tensor((0..<channels).flatMap { _ in values }, [1, channels, 5, 5])
        let y = try result([1, channels, 3, 3]) { try .maxPool(x, window: window, into: $0) }
        #expect(y.floats == (0..<channels).flatMap { _ in [1, 2, 0, 5, 5, 1, 0, 0, 1] as [Float] })
        let dy = try tensor((0..<channels).flatMap { _ in (1...9).map(Float.init) }, [1, channels, 3, 3])
        let dx = try result([1, channels, 5, 5]) { try .maxPoolBackward(x, dy: dy, window: window, into: $0) }
        let expected: [Float] = [1, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 5, 0, 6, 7, 0, 8, 0, 9]
        #expect(dx.floats == (0..<channels).flatMap { _ in expected })
    }
}

@Test func `a window with gaps over one axis`() throws {
    let window = Window(kernel: [2], strides: [2], dilations: [2], padsBegin: [0], padsEnd: [0])
    let x = try tensor([0, 1, 2, 3, 4, 5, -6, -7, -8, -9, -10, -11], [1, 2, 6])
    #expect(try result([1, 2, 2]) { try .maxPool(x, window: window, into: $0) }.floats == [2, 4, -6, -8])
}

@Test func `overlapping windows add up`() throws {
    let window = Window(kernel: [3], strides: [1], dilations: [1], padsBegin: [1], padsEnd: [1])
    let (x, dy) = try (tensor([1, 5, 2, 3], [1, 1, 4]), tensor([1, 2, 4, 8], [1, 1, 4]))
    #expect(try result([1, 1, 4]) { try .maxPool(x, window: window, into: $0) }.floats == [5, 5, 5, 3])
    #expect(
        try result([1, 1, 4]) { try .maxPoolBackward(x, dy: dy, window: window, into: $0) }.floats == [0, 7, 0, 8])
}
