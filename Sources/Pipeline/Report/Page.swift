import JobContract

/// A title, paragraphs and tables, as Markdown and as an HTML page.
struct Page {
    struct Table {
        let title: String
        let head: [String]
        let rows: [[String]]
    }

    let title: String
    let paragraphs: [String]
    let tables: [Table]

    var markdown: String {
        var lines = ["# \(Markup.card(title))", ""]
        for paragraph in paragraphs { lines += [Markup.card(paragraph), ""] }
        for table in tables {
            lines += ["## \(table.title)", "", "| " + table.head.joined(separator: " | ") + " |"]
            lines.append("|" + table.head.map { _ in "---|" }.joined())
            lines += table.rows.map { "| " + $0.map(Markup.card).joined(separator: " | ") + " |" }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    var html: String {
        var body = "<h1>\(Markup.page(title))</h1>\n"
        for paragraph in paragraphs { body += "<p>\(Markup.page(paragraph))</p>\n" }
        for table in tables {
            let head = table.head.map { "<th>\(Markup.page($0))</th>" }.joined()
            let rows = table.rows.map { "<tr>" + $0.map { "<td>\(Markup.page($0))</td>" }.joined() + "</tr>\n" }
            body += "<h2>\(Markup.page(table.title))</h2>\n<table><tr>\(head)</tr>\n\(rows.joined())</table>\n"
        }
        let style =
            "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
            + "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2em .6em;text-align:left}"
        return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            + "<meta http-equiv=\"Content-Security-Policy\" content=\"\(PagePolicy.page)\">"
            + "<title>\(Markup.page(title))</title>"
            + "<style>\(style)</style></head><body>\n\(body)</body></html>\n"
    }
}
