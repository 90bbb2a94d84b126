import Testing

@testable import Jobs

struct LineSplitterTests {
    private let text = Array("one\r\n\ntwo\nthree".utf8)

    private func split(_ pieces: [[UInt8]], limit: Int) -> [LineSplitter.Line] {
        var splitter = LineSplitter(limit: limit)
        var lines = pieces.flatMap { splitter.append($0) }
        if let last = splitter.end() { lines.append(last) }
        return lines
    }

    @Test func `lines are the same in one piece, in two and byte by byte`() {
        let whole: [LineSplitter.Line] = ["one", "two", "three"].map { .complete(Array($0.utf8)) }
        for cut in 0...text.count {
            #expect(split([Array(text[..<cut]), Array(text[cut...])], limit: 10) == whole)
        }
        #expect(split(text.map { [$0] }, limit: 10) == whole)
    }

    @Test func `a line one past the limit is dropped and the next one is whole`() {
        let bytes = Array("12345\n123456\n1\n1234567".utf8)
        let expected: [LineSplitter.Line] = [
            .complete(Array("12345".utf8)), .tooLong, .complete(Array("1".utf8)), .tooLong,
        ]
        #expect(split([bytes], limit: 5) == expected)
        #expect(split(bytes.map { [$0] }, limit: 5) == expected)
    }
}

struct TailTests {
    @Test func `the last bytes are kept`() {
        var tail = Tail(limit: 4)
        tail.append([1, 2, 3])
        #expect(tail.bytes == [1, 2, 3])
        tail.append([4, 5])
        #expect(tail.bytes == [2, 3, 4, 5])
        tail.append([UInt8](10...20))
        #expect(tail.bytes == [17, 18, 19, 20])
    }
}
