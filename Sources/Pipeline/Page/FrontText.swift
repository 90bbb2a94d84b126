import JobContract

/// The front as a drawing of letters for a terminal: `o` is a point, `*` the chosen one, and the dashes are the budget.
///
/// It has no colours, so that there is nothing that NO_COLOR would take away.
struct FrontText {
    private let front: FrontSeries

    /// Reads the front from the `result` of a job; nil for fewer than two points, which are no front.
    init?(_ result: JSONValue) {
        guard let front = FrontSeries(result), front.points.count > 1 else { return nil }
        self.front = front
    }

    private static let narrowest = 30

    /// Draws the front.
    ///
    /// - Parameters:
    ///   - columns: the width with labels.
    ///   - rows: the height without the lines below the axis.
    /// - Returns: the lines of the drawing; none where there is no room.
    func lines(columns: Int = 60, rows: Int = 12) -> [String] {
        guard columns >= Self.narrowest, rows > 1 else { return [] }
        let all = front.points + (front.tuned.map { [$0] } ?? [])
        let limit = [front.limit].compactMap(\.self)
        let y = PlotScale(of: all.map(\.value) + limit)
        let x = PlotScale(linear: all.map(\.parameters) + [front.original].compactMap(\.self), steps: 4)
        func row(_ value: Double) -> Int { rows - 1 - Int((y.position(value) * Double(rows - 1)).rounded()) }

        var labels = [String](repeating: "", count: rows)
        for tick in y.ticks { labels[row(tick)] = front.unit.text(tick) }
        let margin = (labels.map(\.unicodeScalars.count).max() ?? 0) + 1
        let width = columns - margin - 1
        func column(_ value: Double) -> Int { Int((x.position(value) * Double(width - 1)).rounded()) }

        var grid = [[Unicode.Scalar]](repeating: [Unicode.Scalar](repeating: " ", count: width), count: rows)
        func write(_ text: String, _ row: Int, endingAt end: Int) {
            let start = max(0, end - text.unicodeScalars.count)
            for (offset, scalar) in text.unicodeScalars.enumerated() where start + offset < width {
                grid[row][start + offset] = scalar
            }
        }
        for limit in limit {
            for place in stride(from: 0, to: width, by: 2) { grid[row(limit)][place] = "-" }
            write(" budget \(front.unit.text(limit))", row(limit), endingAt: width)
        }
        for point in front.points { grid[row(point.value)][column(point.parameters)] = "o" }
        if let chosen = front.tuned ?? front.points.first(where: \.isChosen) {
            grid[row(chosen.value)][column(chosen.parameters)] = "*"
        }

        var below = [Unicode.Scalar](repeating: " ", count: columns)
        var free = 0
        for tick in x.ticks {
            let text = Array(PlotUnit.count.text(tick).unicodeScalars)
            let start = min(columns - text.count, max(free, margin + 1 + column(tick) - text.count / 2))
            guard start >= free else { continue }
            for (offset, scalar) in text.enumerated() { below[start + offset] = scalar }
            free = start + text.count + 1
        }
        return ["\(front.title) (* chosen)"]
            + zip(labels, grid).map { label, row in
                let padding = String(repeating: " ", count: margin - 1 - label.unicodeScalars.count)
                return trimmed(padding + label + " |" + text(row))
            } + [String(repeating: " ", count: margin) + "+" + String(repeating: "-", count: width)]
            + [trimmed(text(below)), centred("parameters", columns, from: margin)]
    }

    private func text(_ scalars: [Unicode.Scalar]) -> String {
        scalars.reduce(into: "") { $0.unicodeScalars.append($1) }
    }

    private func centred(_ words: String, _ columns: Int, from margin: Int) -> String {
        String(repeating: " ", count: margin + (columns - margin - words.unicodeScalars.count) / 2) + words
    }

    private func trimmed(_ line: String) -> String {
        var line = line
        while line.utf8.last == UInt8(ascii: " ") { line.unicodeScalars.removeLast() }
        return line
    }
}
