import ByteText

extension Page {
    /// The page as Markdown, as it is read by a renderer that lets HTML through.
    var markdown: String {
        var lines = ["# \(Markup.card(title))", "", Markup.card(lead), ""]
        lines += opening.flatMap(Self.markdown)
        for section in sections {
            let body = section.blocks.flatMap(Self.markdown)
            if !body.isEmpty { lines += ["## \(Markup.card(section.title))", ""] + body }
        }
        return lines.joined(separator: "\n")
    }

    private static func markdown(_ block: Block) -> [String] {
        switch block {
        case .paragraph(let text), .warning(let text): text.isEmpty ? [] : [Markup.card(text), ""]
        case .list(let items): items.map { "- " + Markup.card($0) } + [""]
        case .table(let table): markdown(table.condensed)
        // An indented line is no markup.
        case .command(let command): ["    " + command.visible, ""]
        case .tiles, .figures: []
        }
    }

    private static func markdown(_ table: Table) -> [String] {
        guard !table.head.isEmpty else { return [] }
        return ["| " + table.head.map(Markup.card).joined(separator: " | ") + " |"]
            + ["|" + table.head.map { _ in "---|" }.joined()]
            + table.rows.map { "| " + $0.map(Markup.card).joined(separator: " | ") + " |" } + [""]
    }
}
