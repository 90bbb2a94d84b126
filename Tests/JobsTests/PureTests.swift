import Foundation
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

    @Test(arguments: [Int.min, -1, Int.max])
    func `no time traps`(now: Int) {
        #expect(Identifier.make("job", at: now).count == 30)
    }
}

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

struct EventLineTests {
    private func interpret(_ text: String) -> SupervisorUpdate { EventLine.interpret(Array(text.utf8)) }

    @Test func `events are passed on with their data`() {
        let update = interpret(
            #"{"type":"metrics","level":"warning","message":"m","data":{"b":[1,2.5,null,true],"a":"/x"}}"#)
        let data = Data(#"{"a":"/x","b":[1,2.5,null,true]}"#)
        #expect(
            update == SupervisorUpdate(event: NewEvent(level: "warning", type: "metrics", message: "m", data: data)))
    }

    @Test func `done is the result and error the error`() {
        #expect(interpret(#"{"type":"done","data":{"a":1}}"#) == SupervisorUpdate(result: Data(#"{"a":1}"#)))
        #expect(interpret(#"{"type":"error","data":{"code":"x"}}"#) == SupervisorUpdate(error: Data(#"{"code":"x"}"#)))
        #expect(
            interpret(#"{"type":"error","message":"m"}"#)
                == SupervisorUpdate(error: Data(#"{"code":"worker_crashed","message":"m"}"#)))
    }

    @Test func `progress and phase change the job`() {
        let progress = interpret(#"{"type":"progress","data":{"phase":"search","fraction":0.5}}"#)
        #expect(progress.phase == "search" && progress.progress == Data(#"{"fraction":0.5,"phase":"search"}"#))
        #expect(interpret(#"{"type":"phase","message":"baseline"}"#).phase == "baseline")
        #expect(interpret(#"{"type":"phase","message":"m","data":{"phase":"search"}}"#).phase == "search")
    }

    @Test(arguments: ["plain", "{", "[1]", #"{"level":"info"}"#, "\u{FFFD}", String(repeating: "[", count: 10_000)])
    func `any other line is an entry of the log`(line: String) {
        #expect(interpret(line) == SupervisorUpdate(event: NewEvent(type: "log", message: line)))
    }
}

struct ProcessSampleTests {
    @Test func `fields are found behind a name with blanks and parentheses`() {
        let sample = ProcessSample(
            hasEnded: false, stat: "12 (a) b (c) R 1 12 12 0 -1 4194304 10 0 0 0 150 50 25 25 20 0 1 0 9",
            status: "Name:\ta\nVmHWM:\t    2048 kB\nRssAnon:\t     512 kB\n", ticksPerSecond: 100)
        #expect(sample == ProcessSample(cpuSeconds: 2.5, anonymousBytes: 512 << 10, peakBytes: 2048 << 10))
    }

    @Test(arguments: ["", ")", "1 (a", "1 (a) R", "1 (a) Z 1 2 3"])
    func `what is missing is nothing`(stat: String) {
        #expect(
            ProcessSample(hasEnded: true, stat: stat, status: "RssAnon:\n", ticksPerSecond: 100)
                == ProcessSample(hasEnded: true))
    }
}

extension ProcessSample {
    init(hasEnded: Bool = false, cpuSeconds: Double = 0, anonymousBytes: Int = 0, peakBytes: Int = 0) {
        self.init(hasEnded: hasEnded, stat: "", status: "", ticksPerSecond: 1)
        self.cpuSeconds = cpuSeconds
        self.anonymousBytes = anonymousBytes
        self.peakBytes = peakBytes
    }
}
