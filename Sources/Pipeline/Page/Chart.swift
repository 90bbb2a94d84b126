/// A chart of two axes with their ticks and titles, on which points, curves and limits are drawn.
struct Chart {
    struct Axis {
        let title: String
        let scale: PlotScale
        var unit = PlotUnit.number
    }

    /// The size in units of the drawing: at the width of a phone the text still has ten pixels.
    private static let width = 480.0
    private static let height = 320.0
    private static let left = 70.0
    private static let right = 452.0
    private static let top = 14.0
    private static let bottom = 264.0
    /// The room that words beside a point take.
    private static let noteWidth = 140.0

    private let x: Axis
    private let y: Axis
    private var svg: SVG

    init(_ title: String, x: Axis, y: Axis) {
        (self.x, self.y) = (x, y)
        svg = SVG(title, width: Self.width, height: Self.height)
        for tick in y.scale.ticks {
            let height = place(x.scale.lower, tick).y
            svg.line(SVG.Place(Self.left, height), SVG.Place(Self.right, height), .grid)
            svg.text(y.unit.text(tick), SVG.Place(Self.left - 6, height + 4.5), .end)
        }
        for tick in x.scale.ticks {
            let across = place(tick, y.scale.lower).x
            svg.line(SVG.Place(across, Self.bottom), SVG.Place(across, Self.bottom + 5), .axis)
            svg.text(x.unit.text(tick), SVG.Place(across, Self.bottom + 20), .middle)
        }
        svg.line(SVG.Place(Self.left, Self.bottom), SVG.Place(Self.right, Self.bottom), .axis)
        svg.text(x.title, SVG.Place((Self.left + Self.right) / 2, Self.bottom + 44), .middle, .title)
        svg.text(y.title, SVG.Place(13, (Self.top + Self.bottom) / 2), .middle, .title, turned: true)
    }

    /// The place of a pair of numbers in the drawing.
    private func place(_ x: Double, _ y: Double) -> SVG.Place {
        SVG.Place(
            Self.left + (Self.right - Self.left) * self.x.scale.position(x),
            Self.bottom - (Self.bottom - Self.top) * self.y.scale.position(y))
    }

    mutating func point(_ x: Double, _ y: Double, _ look: SVG.Look = .point, saying words: String) {
        svg.circle(place(x, y), radius: look == .chosen ? 7 : 4.5, look, saying: words)
    }

    /// A bar from a number up to its bound.
    mutating func interval(_ x: Double, from lower: Double, to upper: Double) {
        let (low, high) = (place(x, lower), place(x, upper))
        svg.line(low, high, .interval)
        svg.line(SVG.Place(high.x - 4, high.y), SVG.Place(high.x + 4, high.y), .interval)
    }

    mutating func curve(_ points: [(x: Double, y: Double)], _ look: SVG.Look = .curve, saying words: String = "") {
        svg.curve(points.map { place($0.x, $0.y) }, look, saying: words)
    }

    /// A limit of the vertical axis, as a line with its name.
    mutating func limit(_ value: Double, _ words: String) {
        let height = place(x.scale.lower, value).y
        svg.line(SVG.Place(Self.left, height), SVG.Place(Self.right, height), .limit)
        svg.text(words, SVG.Place(Self.right - 2, height < Self.top + 18 ? height + 15 : height - 5), .end)
    }

    /// Words beside a point of a curve that falls: below and to the left of it, or above and to the right.
    mutating func note(_ words: String, at x: Double, _ y: Double) {
        let place = place(x, y)
        if place.x - Self.left > Self.noteWidth {
            svg.text(words, SVG.Place(place.x - 10, min(Self.bottom - 6, place.y + 16)), .end, .title)
        } else {
            svg.text(words, SVG.Place(place.x + 11, max(Self.top + 4, place.y - 8)), .start, .title)
        }
    }

    var markup: String { svg.markup }
}
