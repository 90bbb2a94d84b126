/// A page of sections, which is written as Markdown and as HTML.
struct Page {
    struct Table {
        let head: [String]
        let rows: [[String]]
        /// The row that stands out.
        var marked: Int?

        /// The table without columns in which nothing stands.
        var condensed: Table {
            let columns = head.indices.filter { column in rows.contains { column < $0.count && !$0[column].isEmpty } }
            func some(_ cells: [String]) -> [String] { columns.map { $0 < cells.count ? cells[$0] : "" } }
            return Table(head: some(head), rows: rows.map(some), marked: marked)
        }
    }

    /// A figure with its change, in large letters.
    struct Tile: Equatable {
        let name: String
        let value: String
        let detail: String
    }

    /// A drawing with words that tell how to read it.
    struct Figure {
        let title: String
        /// The drawing's own markup.
        let drawing: String
        var caption = ""
    }

    enum Block {
        case paragraph(String)
        case warning(String)
        case list([String])
        case table(Table)
        case command(String)
        /// Figures in large letters; Markdown has the table that they are taken from.
        case tiles([Tile])
        /// Drawings beside each other; Markdown goes without.
        case figures([Figure])
    }

    struct Section {
        let title: String
        let blocks: [Block]
    }

    let title: String
    /// The page in one sentence.
    let lead: String
    var opening: [Block] = []
    let sections: [Section]
}
