/// Bars of how much there is at each site before and after, one below the other.
struct SizeBars {
    struct Bar: Equatable {
        let name: String
        let before: Int
        let after: Int
    }

    private let title: String
    private let bars: [Bar]

    private static let width = 480.0
    private static let rowHeight = 34.0
    /// The number of letters of a name beyond which its middle is left out.
    private static let nameLength = 40
    /// The number of bars beyond which the smallest are added up.
    static let limit = 24

    /// - Parameters:
    ///   - title: the name of what is counted.
    ///   - sites: the sites in graph order.
    ///   - total: the count of the whole network, before and after; what the sites do not explain is a bar of its own.
    init(_ title: String, _ sites: [Bar], total: Bar) {
        self.title = title
        let largest = sites.map(\.before).sorted(by: >)
        let least = largest.count > Self.limit ? largest[Self.limit] : -1
        let shown = sites.filter { $0.before > least }
        var bars = shown
        let others = sites.filter { $0.before <= least }
        if !others.isEmpty {
            let (before, after) = (others.reduce(0) { $0 + $1.before }, others.reduce(0) { $0 + $1.after })
            bars.append(Bar(name: "\(others.count) smaller sites", before: before, after: after))
        }
        let rest = Bar(
            name: total.name, before: max(0, total.before - sites.reduce(0) { $0 + $1.before }),
            after: max(0, total.after - sites.reduce(0) { $0 + $1.after }))
        self.bars = bars + (rest.before > 0 ? [rest] : [])
    }

    var isEmpty: Bool { bars.isEmpty }

    var markup: String {
        let most = Double(max(1, bars.map { max($0.before, $0.after) }.max() ?? 1))
        var svg = SVG(title, width: Self.width, height: Self.rowHeight * Double(bars.count) + 4)
        for (index, bar) in bars.enumerated() {
            let top = Self.rowHeight * Double(index)
            let unit = PlotUnit.count
            let change = bar.before == bar.after ? "" : " \u{2192} \(unit.text(Double(bar.after)))"
            svg.text(Self.shortened(bar.name), SVG.Place(0, top + 15), saying: bar.name)
            svg.text(unit.text(Double(bar.before)) + change, SVG.Place(Self.width, top + 15), .end)
            svg.rectangle(
                SVG.Place(0, top + 20), width: Self.width * Double(bar.before) / most, height: 9, .before)
            svg.rectangle(SVG.Place(0, top + 20), width: Self.width * Double(bar.after) / most, height: 9, .after)
        }
        return svg.markup
    }

    /// The name without its middle where it is long.
    private static func shortened(_ name: String) -> String {
        let scalars = Array(name.unicodeScalars)
        guard scalars.count > nameLength else { return name }
        let half = nameLength / 2 - 1
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars.prefix(half))
        text += "\u{2026}"
        text.unicodeScalars.append(contentsOf: scalars.suffix(half))
        return text
    }
}
