import ByteText
import Glibc
import SystemCalls

extension FileDifference {
    private static let format = "layercollapse-difference-1"

    /// The difference as it is stored.
    ///
    /// - Throws: ``DifferenceError/tooLarge(_:)``
    package func text() throws(DifferenceError) -> String {
        guard segments.count <= Limits.segments else { throw .tooLarge("\(segments.count) segments") }
        guard sources.count <= Limits.sources else { throw .tooLarge("\(sources.count) sources") }
        let document: JSONValue = [
            "format": .string(Self.format), "bytes": .int(byteCount),
            "sources": .array(
                sources.map {
                    ["folder": .string($0.folder.rawValue), "name": .string($0.name), "bytes": .int($0.byteCount)]
                }),
            "segments": .array(
                segments.map { [.int($0.source), .int($0.range.lowerBound), .int($0.range.count)] }),
        ]
        let line = document.text() + "\n"
        guard line.utf8.count <= Limits.bytes else { throw .tooLarge("a table of \(line.utf8.count) bytes") }
        return line
    }

    /// Reads a stored difference, and checks it as a whole.
    ///
    /// - Throws: ``DifferenceError/damaged(_:)`` unless every segment lies inside its source, and the sizes add up.
    package init(parsing bytes: [UInt8]) throws(DifferenceError) {
        guard bytes.count <= Limits.bytes else { throw .damaged("it is too long") }
        guard let document = try? JSONParser.parse(bytes),
            document["format"]?.string?.hasBytes(of: Self.format) == true, let whole = document["bytes"]?.int,
            let sources = document["sources"]?.array, let segments = document["segments"]?.array
        else { throw .damaged("it is not one") }
        guard sources.count <= Limits.sources, segments.count <= Limits.segments else {
            throw .damaged("it is too long")
        }
        for source in sources {
            guard let folder = source["folder"]?.string.flatMap(Source.Folder.init(rawValue:)),
                let name = source["name"]?.string, JobFolder.isPlain(name),
                let byteCount = source["bytes"]?.int, byteCount >= 0
            else { throw .damaged("a source is not a file of the job") }
            self.sources.append(Source(folder, name, byteCount: byteCount))
        }
        for segment in segments {
            guard let numbers = segment.array?.compactMap(\.int), numbers.count == 3, segment.array?.count == 3,
                numbers[2] > 0
            else { throw .damaged("a segment is not three numbers") }
            let (source, start, count) = (numbers[0], numbers[1], numbers[2])
            guard self.sources.indices.contains(source), start >= 0, count <= self.sources[source].byteCount,
                start <= self.sources[source].byteCount - count
            else { throw .damaged("a segment lies outside of its source") }
            // The sum of two numbers up to the size of a file does not overflow.
            guard count <= whole - byteCount else { throw .damaged("its segments are longer than the file") }
            byteCount += count
            self.segments.append(Segment(source: source, range: start..<start + count))
        }
        guard byteCount == whole else { throw .damaged("its segments are shorter than the file") }
    }

    /// Reads a stored difference from its file.
    ///
    /// - Throws: ``DifferenceError``, or ``SystemError`` when there is no such file.
    package init(reading path: String) throws {
        let file = try FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW)
        var bytes: [UInt8] = []
        while bytes.count <= Limits.bytes {
            let more = try file.read(upTo: 64 << 10)
            if more.isEmpty { break }
            bytes += more
        }
        try self.init(parsing: bytes)
    }
}
