/// Ranges of open files that follow one another as one body.
package struct FileRanges: Sendable {
    /// The ranges in the order of the body; none is empty.
    private(set) var ranges: [(file: OpenFile, range: Range<Int>)] = []
    /// The number of bytes in all ranges.
    package private(set) var length = 0

    package init() {}

    /// All bytes of one file.
    package init(_ file: OpenFile) { append(file, 0..<file.length) }

    package mutating func append(_ file: OpenFile, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= file.length, "a range lies inside its file")
        guard !range.isEmpty else { return }
        ranges.append((file, range))
        length += range.count
    }

    /// The part of the body between two of its bytes.
    package subscript(part: Range<Int>) -> FileRanges {
        precondition(part.lowerBound >= 0 && part.upperBound <= length, "a part lies inside the whole")
        var found = FileRanges()
        var start = 0
        for (file, range) in ranges {
            let wanted = part.clamped(to: start..<start + range.count)
            let offset = range.lowerBound - start
            found.append(file, wanted.lowerBound + offset..<wanted.upperBound + offset)
            start += range.count
        }
        return found
    }
}
