import ByteText

/// Rows of words under each other, for the terminal. Numbers are to be given as such, so that they end where the column does.
package struct TextTable {
    package init() {}

    package enum Cell {
        case text(String)
        case number(String)

        /// One line of it, whatever a name from a file holds.
        fileprivate var characters: String {
            switch self {
            case .text(let text), .number(let text): text.visible
            }
        }
    }

    private static let gap = "  "
    private var rows: [[Cell]] = []

    package mutating func add(_ row: [Cell]) { rows.append(row) }

    /// Lines without spaces at their ends.
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
