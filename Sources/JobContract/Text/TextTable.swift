import ByteText

/// A table of text for the terminal. Cells with numbers are aligned to the right.
package struct TextTable {
    package init() {}

    package enum Cell {
        case text(String)
        case number(String)

        /// The text on one line, with control characters shown as codes.
        fileprivate var characters: String {
            switch self {
            case .text(let text), .number(let text): text.visible
            }
        }
    }

    private static let gap = "  "
    private var rows: [[Cell]] = []

    package mutating func add(_ row: [Cell]) { rows.append(row) }

    /// The lines, without trailing spaces.
    package var lines: [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].characters.count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = zip(row, widths).map { cell, width in
                let padding = String(repeating: " ", count: width - cell.characters.count)
                return if case .number = cell { padding + cell.characters } else { cell.characters + padding }
            }.joined(separator: Self.gap)
            while line.utf8.last == UInt8(ascii: " ") { line.unicodeScalars.removeLast() }
            return line
        }
    }
}
