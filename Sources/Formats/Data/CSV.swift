import ByteText
import Compute

/// Reads a table of numbers: a line of column names, then a line of numbers for each sample.
///
/// Fields are separated by commas, lines by LF or CRLF. Names may be in double quotes, numbers may not.
///
/// - SeeAlso: RFC 4180
enum CSV {
    enum Limits {
        /// The maximum number of columns.
        static let columns = 65_536
        /// The maximum length of a line in bytes.
        static let line = 4 << 20
    }

    /// True when a file starts like a table: a line of text with a letter in it.
    static func isTable(_ start: some Sequence<UInt8>) -> Bool {
        var hasLetter = false
        for byte in start {
            if byte == UInt8(ascii: "\n") { return hasLetter }
            guard byte >= 0x20 || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\t") else { return false }
            hasLetter = hasLetter || UInt8(ascii: "A")...UInt8(ascii: "z") ~= byte
        }
        return hasLetter
    }

    /// Reads a table.
    ///
    /// - Parameters:
    ///   - file: the table.
    ///   - labels: the names of a column of labels.
    /// - Returns: the numbers as `x [rows, columns]` of float32; a column with one of the names is `y [rows]` instead,
    ///   int64 when all of it are whole numbers.
    /// - Throws: ``FormatError`` that names the line and the column.
    static func read(_ file: MappedFile, labels: [String]) throws(FormatError) -> [String: DataArray] {
        let bytes = Bytes(file: file, range: 0..<file.byteCount)
        var lines = Lines(bytes: bytes)
        guard let head = try lines.next() else { throw .data("the table is empty") }
        let names = fields(head).map { (name) -> String in
            let isQuoted = name.count > 1 && name.first == UInt8(ascii: "\"") && name.last == UInt8(ascii: "\"")
            return String(decoding: isQuoted ? name.dropFirst().dropLast() : name, as: UTF8.self)
        }
        guard names.count <= Limits.columns else {
            throw .tooLarge("the table has \(names.count) columns: at most \(Limits.columns) are read")
        }
        let places = names.indices.filter { labels.contains(names[$0]) }
        guard places.count < 2 else {
            let shown = places.map { names[$0] }.joined(separator: ", ")
            throw .data("the table has \(places.count) columns of labels: \(shown)")
        }
        var (numbers, targets): ([Float], [Double]) = ([], [])
        var rows = 0
        while let line = try lines.next() {
            let values = fields(line)
            guard values.count == names.count else {
                throw .data("line \(lines.number) of the table has \(values.count) fields for \(names.count) columns")
            }
            for (place, text) in values.enumerated() {
                guard let value = Double(String(decoding: text, as: UTF8.self)) else {
                    let shown = String(decoding: text.prefix(40), as: UTF8.self).visible
                    throw .data(
                        "line \(lines.number) of the table has '\(shown)' in column '\(names[place].visible)': "
                            + "only numbers are read")
                }
                if places.first == place { targets.append(value) } else { numbers.append(Float(value)) }
            }
            rows += 1
        }
        guard rows > 0 else { throw .data("the table has names and no numbers") }
        var arrays: [String: DataArray] = [:]
        do {
            let width = names.count - places.count
            arrays["x"] = DataArray(tensor: try Tensor(numbers, Shape([rows, width])), storedType: "f4")
            guard !targets.isEmpty else { return arrays }
            let classes = targets.compactMap { Int64(exactly: $0) }
            let shape = try Shape([rows])
            let labels =
                classes.count == targets.count
                ? try Tensor(classes, shape) : try Tensor(targets.map { Float($0) }, shape)
            arrays["y"] = DataArray(tensor: labels, storedType: labels.type == .int64 ? "i8" : "f4")
            return arrays
        } catch {
            throw .memory(byteCount: 4 * numbers.count)
        }
    }

    private static func fields(_ line: [UInt8]) -> [ArraySlice<UInt8>] {
        line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { field in
            let spaces: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "\t")]
            var field = field
            while let last = field.last, spaces.contains(last) { field.removeLast() }
            return field.drop(while: spaces.contains)
        }
    }

    /// The lines of a file; an empty last one is none.
    private struct Lines {
        let bytes: Bytes
        /// The number of the line that was read last, from 1 on.
        private(set) var number = 0
        private var offset = 0

        init(bytes: Bytes) { self.bytes = bytes }

        mutating func next() throws(FormatError) -> [UInt8]? {
            guard offset < bytes.count else { return nil }
            number += 1
            var line: [UInt8] = []
            while offset < bytes.count {
                let byte = bytes[offset]
                offset += 1
                if byte == UInt8(ascii: "\n") { break }
                line.append(byte)
                guard line.count <= Limits.line else { throw .tooLarge("line \(number) of the table is too long") }
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            // An editor may leave a mark of the encoding.
            return number == 1 && line.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(line.dropFirst(3)) : line
        }
    }
}
