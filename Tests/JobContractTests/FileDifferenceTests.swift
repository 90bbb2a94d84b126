import Foundation
import SystemCalls
import TestSupport
import Testing

@testable import JobContract

@Suite struct FileDifferenceTests {
    private static let net = FileDifference.Source(.model, "net.onnx", byteCount: 100)
    private static let data = FileDifference.Source(.model, "net.onnx.data", byteCount: 1 << 40)

    private static func new(_ byteCount: Int) -> FileDifference.Source { .init(.points, "new", byteCount: byteCount) }

    private static var example: FileDifference {
        var difference = FileDifference()
        difference.append(0..<10, of: net)
        difference.append(0..<3, of: new(3))
        difference.append(1 << 39..<(1 << 39) + 7, of: data)
        difference.append(99..<100, of: net)
        difference.append(5..<9, of: new(9))
        return difference
    }

    @Test func `neighbours become one segment, and what is empty none`() {
        var difference = FileDifference()
        difference.append(5..<5, of: Self.net)
        #expect(difference == FileDifference())
        for range in [0..<10, 10..<12, 11..<12] { difference.append(range, of: Self.net) }
        difference.append(12..<13, of: Self.data)
        // A file of the same name in the other folder is another one.
        difference.append(13..<14, of: .init(.points, "net.onnx.data", byteCount: 14))
        #expect(difference.segments.map(\.range) == [0..<12, 11..<12, 12..<13, 13..<14])
        #expect(difference.segments.map(\.source) == [0, 0, 1, 2])
        #expect(difference.byteCount == 15)
    }

    @Test func `a model has exactly its size, and new bytes may be followed by others`() {
        #expect([99, 100, 101].map(Self.net.fits) == [false, true, false])
        #expect(Self.example.sources.map(\.byteCount) == [100, 9, 1 << 40])
        #expect([8, 9, 10].map(Self.new(9).fits) == [false, true, true])
    }

    @Test func `a difference is read as it was written`() throws {
        let folder = try TemporaryFolder()
        var long = Self.example
        for index in 0..<8000 {
            long.append(index * 8..<index * 8 + 7, of: Self.data)
            long.append(index * 2..<index * 2 + 1, of: Self.new(16_000))
        }
        for difference in [Self.example, FileDifference(), long] {
            let text = try difference.text()
            #expect(try FileDifference(parsing: Array(text.utf8)) == difference)
            try text.write(toFile: folder.file("point"), atomically: false, encoding: .utf8)
            #expect(try FileDifference(reading: folder.file("point")) == difference)
        }
        #expect(throws: SystemError.self) { try FileDifference(reading: folder.file("absent")) }
    }

    @Test func `a difference of too many pieces is not stored`() {
        var many = FileDifference()
        for index in 0...FileDifference.Limits.segments { many.append(index * 2..<index * 2 + 1, of: Self.data) }
        #expect(throws: DifferenceError.tooLarge("16385 segments")) { try many.text() }
        var others = FileDifference()
        for index in 0...64 { others.append(0..<1, of: .init(.model, "\(index)", byteCount: 1)) }
        #expect(throws: DifferenceError.tooLarge("65 sources")) { try others.text() }
    }

    @Test func `no difference that is cut short is taken`() throws {
        let bytes = Array(try Self.example.text().utf8)
        // Without the end of the line it is whole.
        for count in 0..<bytes.count - 1 {
            #expect(throws: DifferenceError.damaged("it is not one")) {
                try FileDifference(parsing: Array(bytes[..<count]))
            }
        }
    }

    @Test func `a mutated difference is refused, or tells of bytes that its sources have`() throws {
        let bytes = Array(try Self.example.text().utf8)
        for place in bytes.indices {
            for byte in [0, 0x0A, 0x2D, 0x30, 0x39, 0x5B, 0x7B, 0xFF] as [UInt8] {
                var mutated = bytes
                mutated[place] = byte
                guard let read = try? FileDifference(parsing: mutated) else { continue }
                for segment in read.segments {
                    #expect(segment.range.upperBound <= read.sources[segment.source].byteCount)
                }
                #expect(read.byteCount == read.segments.reduce(0) { $0 + $1.range.count })
            }
        }
    }

    @Test(arguments: [
        (9, "[[0,0,10]]", "a segment lies outside of its source"),
        (9, "[[0,9,10]]", "a segment lies outside of its source"),
        (9, "[[0,-1,10]]", "a segment lies outside of its source"),
        (19, "[[1,0,10]]", "a segment lies outside of its source"),
        (19, "[[-1,0,10]]", "a segment lies outside of its source"),
        (19, "[[0,9223372036854775807,10]]", "a segment lies outside of its source"),
        (19, "[[0,0,9]]", "its segments are shorter than the file"),
        (19, "[]", "its segments are shorter than the file"),
        (19, "[[0,0,11]]", "its segments are longer than the file"),
        (.max, "[[0,0,1],[0,0,9223372036854775807]]", "its segments are longer than the file"),
        (19, "[[0,0,0]]", "a segment is not three numbers"), (19, "[[0,0,-10]]", "a segment is not three numbers"),
        (19, "[[]]", "a segment is not three numbers"), (19, "[10]", "a segment is not three numbers"),
        (19, "[[0,10]]", "a segment is not three numbers"), (19, "[[0,0,\"10\"]]", "a segment is not three numbers"),
        (19, "[[0,0,10,\"\"]]", "a segment is not three numbers"),
        (19, "[[0,0,10.5]]", "a segment is not three numbers"),
        (-1, "[]", "a source is not a file of the job"),
    ])
    func `a difference that lies is refused`(byteCount: Int, segments: String, reason: String) {
        let sources = #"[{"folder":"model","name":"a","bytes":\#(byteCount)}]"#
        #expect(throws: DifferenceError.damaged(reason)) { try Self.parse(10, sources, segments) }
    }

    @Test(arguments: ["../a", "..", ".", "", "a/b", "/etc/passwd"])
    func `a source elsewhere is refused`(name: String) {
        for folder in ["model", "points"] {
            #expect(throws: DifferenceError.damaged("a source is not a file of the job")) {
                try Self.parse(10, #"[{"folder":"\#(folder)","name":"\#(name)","bytes":10}]"#, "[[0,0,10]]")
            }
        }
        #expect(throws: DifferenceError.damaged("a source is not a file of the job")) {
            try Self.parse(10, #"[{"folder":"data","name":"a","bytes":10}]"#, "[[0,0,10]]")
        }
    }

    private static func parse(_ bytes: Int, _ sources: String, _ segments: String) throws -> FileDifference {
        let format = #""format":"layercollapse-difference-1","bytes":\#(bytes)"#
        return try FileDifference(
            parsing: Array(#"{\#(format),"sources":\#(sources),"segments":\#(segments)}"#.utf8))
    }

    @Test func `a difference is no longer than its limits`() {
        func parse(_ segments: Int, _ sources: Int) -> FileDifference? {
            let lists = [
                Array(repeating: #"{"folder":"model","name":"a","bytes":1}"#, count: sources),
                Array(repeating: "[0,0,1]", count: segments),
            ].map { "[" + $0.joined(separator: ",") + "]" }
            return try? Self.parse(segments, lists[0], lists[1])
        }
        let (segments, sources) = (FileDifference.Limits.segments, FileDifference.Limits.sources)
        #expect(parse(segments, sources) != nil)
        #expect(parse(segments + 1, sources) == nil)
        #expect(parse(segments, sources + 1) == nil)
        let endless = [UInt8](repeating: 0x20, count: FileDifference.Limits.bytes + 1)
        #expect(throws: DifferenceError.damaged("it is too long")) { try FileDifference(parsing: endless) }
    }
}
