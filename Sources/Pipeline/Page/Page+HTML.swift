import JobContract

extension Page {
    /// The page as one HTML file that needs nothing else: no script, and nothing from a network.
    var html: String {
        var body = "<h1>\(Markup.page(title))</h1>\n<p class=\"lead\">\(Markup.page(lead))</p>\n"
        body += opening.map(Self.html).joined()
        for section in sections {
            let blocks = section.blocks.map(Self.html).joined()
            if !blocks.isEmpty { body += "<section><h2>\(Markup.page(section.title))</h2>\n\(blocks)</section>\n" }
        }
        return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            + "<meta http-equiv=\"Content-Security-Policy\" content=\"\(PagePolicy.page)\">"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
            + "<title>\(Markup.page(title))</title>\n"
            + "<style>\n\(PageStyle.sheet)</style></head><body><main>\n\(body)</main></body></html>\n"
    }

    private static func html(_ block: Block) -> String {
        switch block {
        case .paragraph(let text): return text.isEmpty ? "" : "<p>\(Markup.page(text))</p>\n"
        case .warning(let text): return "<p class=\"warning\">\(Markup.page(text))</p>\n"
        case .list(let items):
            let rows = items.map { "<li>\(Markup.page($0))</li>\n" }.joined()
            return rows.isEmpty ? "" : "<ul>\n\(rows)</ul>\n"
        case .table(let table): return html(table.condensed)
        case .command(let command): return "<pre tabindex=\"0\">\(Markup.page(command))</pre>\n"
        case .tiles(let tiles):
            let all = tiles.map { tile in
                "<div><dt>\(Markup.page(tile.name))</dt><dd class=\"big\">\(Markup.page(tile.value))</dd>"
                    + "<dd class=\"small\">\(Markup.page(tile.detail))</dd></div>\n"
            }
            return all.isEmpty ? "" : "<dl class=\"tiles\">\n\(all.joined())</dl>\n"
        case .figures(let figures):
            let all = figures.map { figure in
                "<figure>\(figure.drawing)<figcaption><b>\(Markup.page(figure.title))</b> "
                    + "\(Markup.page(figure.caption))</figcaption></figure>\n"
            }
            return all.isEmpty ? "" : "<div class=\"charts\">\n\(all.joined())</div>\n"
        }
    }

    private static func html(_ table: Table) -> String {
        guard !table.head.isEmpty else { return "" }
        // Columns of figures are set to the right, those of sentences get room.
        let looks = table.head.indices.map { column in
            let texts = table.rows.map { $0[column] }
            if texts.allSatisfy(isNumber) { return " class=\"n\"" }
            return texts.contains { $0.unicodeScalars.count > sentenceLength } ? " class=\"t\"" : ""
        }
        func cells(_ row: [String], _ tag: String) -> String {
            row.enumerated().map { column, text in
                "<\(tag)\(looks[column])>\(Markup.page(text))</\(tag)>"
            }.joined()
        }
        let rows = table.rows.enumerated().map { place, row in
            "<tr\(place == table.marked ? " class=\"mark\"" : "")>\(cells(row, "td"))</tr>\n"
        }
        return "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>\(cells(table.head, "th"))</tr></thead>\n<tbody>"
            + "\(rows.joined())</tbody></table></div>\n"
    }

    /// The number of letters from which on a text has to be broken.
    private static let sentenceLength = 28

    /// True for a figure, or no text at all.
    private static func isNumber(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || ",.-+%x ()e<".utf8.contains($0) }
    }
}
