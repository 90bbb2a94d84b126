/// A drawing as the text of an inline SVG element. It has no namespace, which HTML does not need, and takes its colours
/// from the classes of ``PageStyle``.
///
/// - SeeAlso: HTML §4.8.16 (SVG); SVG 2 §5.1
struct SVG {
    /// The look of a part of a drawing.
    enum Look: String, CaseIterable {
        case axis, grid, label, title, limit, curve, faint, interval, point, chosen, before, after
    }

    enum Anchor: String { case start, middle, end }

    struct Place: Equatable {
        let x: Double
        let y: Double

        init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
    }

    private let width: Double
    private let height: Double
    private let title: String
    private var parts = ""

    /// - Parameters:
    ///   - title: the words for those who cannot see the drawing.
    ///   - width: the width in units of its own; a page scales it.
    ///   - height: the height in the same units.
    init(_ title: String, width: Double, height: Double) {
        (self.title, self.width, self.height) = (title, width, height)
    }

    mutating func line(_ from: Place, _ to: Place, _ look: Look) {
        add(
            "<line class=\"\(look.rawValue)\" x1=\"\(number(from.x))\" y1=\"\(number(from.y))\" "
                + "x2=\"\(number(to.x))\" y2=\"\(number(to.y))\"/>")
    }

    mutating func curve(_ places: [Place], _ look: Look, saying words: String = "") {
        let points = places.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
        add("<polyline class=\"\(look.rawValue)\" points=\"\(points)\">\(tip(words))</polyline>")
    }

    mutating func circle(_ center: Place, radius: Double, _ look: Look, saying words: String = "") {
        add(
            "<circle class=\"\(look.rawValue)\" cx=\"\(number(center.x))\" cy=\"\(number(center.y))\" "
                + "r=\"\(number(radius))\">\(tip(words))</circle>")
    }

    mutating func rectangle(_ corner: Place, width: Double, height: Double, _ look: Look) {
        add(
            "<rect class=\"\(look.rawValue)\" x=\"\(number(corner.x))\" y=\"\(number(corner.y))\" "
                + "width=\"\(number(max(0, width)))\" height=\"\(number(max(0, height)))\"/>")
    }

    /// Text whose first, middle or last letter is at a place, and which reads upwards when it is turned.
    mutating func text(
        _ text: String, _ place: Place, _ anchor: Anchor = .start, _ look: Look = .label, turned: Bool = false,
        saying words: String = ""
    ) {
        let turn = turned ? " transform=\"rotate(-90 \(number(place.x)) \(number(place.y)))\"" : ""
        add(
            "<text class=\"\(look.rawValue)\" x=\"\(number(place.x))\" y=\"\(number(place.y))\" "
                + "text-anchor=\"\(anchor.rawValue)\"\(turn)>\(Markup.page(text))\(tip(words))</text>")
    }

    /// The element.
    var markup: String {
        "<svg viewBox=\"0 0 \(number(width)) \(number(height))\" role=\"img\" aria-label=\"\(Markup.page(title))\">\n"
            + parts + "</svg>\n"
    }

    private mutating func add(_ part: String) { parts += part + "\n" }

    private func tip(_ words: String) -> String { words.isEmpty ? "" : "<title>\(Markup.page(words))</title>" }

    /// A coordinate with one digit after the point.
    private func number(_ value: Double) -> String {
        let tenths = Int(exactly: (value * 10).rounded()) ?? 0
        let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
        return (tenths < 0 ? "-" : "") + "\(whole)" + (rest == 0 ? "" : ".\(rest)")
    }
}
