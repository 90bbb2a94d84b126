import Collapse
import Foundation
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct ChartTests {
    private static let hostile = "\"/><script>alert('1')</script>&\u{600}<"

    @Test func `an element is written with its class and rounded places`() {
        var svg = SVG("a title", width: 100, height: 50)
        svg.line(SVG.Place(0, 1.25), SVG.Place(-3.14159, 1e30), .axis)
        svg.circle(SVG.Place(1, 2), radius: 4.5, .chosen, saying: "here")
        svg.rectangle(SVG.Place(1, 2), width: -1, height: 3, .before)
        svg.text("word", SVG.Place(1, 2), .end, .label, turned: true)
        #expect(
            svg.markup == """
                <svg viewBox="0 0 100 50" role="img" aria-label="a title">
                <line class="axis" x1="0" y1="1.3" x2="-3.1" y2="0"/>
                <circle class="chosen" cx="1" cy="2" r="4.5"><title>here</title></circle>
                <rect class="before" x="1" y="2" width="0" height="3"/>
                <text class="label" x="1" y="2" text-anchor="end" transform="rotate(-90 1 2)">word</text>
                </svg>

                """)
    }

    @Test func `no text becomes markup of a drawing`() {
        var svg = SVG(Self.hostile, width: 1, height: 1)
        svg.text(Self.hostile, SVG.Place(0, 0), saying: Self.hostile)
        svg.circle(SVG.Place(0, 0), radius: 1, .point, saying: Self.hostile)
        svg.curve([], .curve, saying: Self.hostile)
        let escaped = "&quot;/&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;\u{600}&lt;"
        #expect(svg.markup.utf8.count { $0 == UInt8(ascii: "<") } == 14)
        #expect(svg.markup.contains("aria-label=\"\(escaped)\""))
        let bars = SizeBars(
            "x", [SizeBars.Bar(name: Self.hostile, before: 2, after: 1)], total: .init(name: "", before: 0, after: 0))
        #expect(bars.markup.contains(">\(escaped)<"))
        #expect(!bars.markup.contains("<script"))
    }

    @Test func `the style knows every look`() {
        for look in SVG.Look.allCases where look != .label {
            #expect(PageStyle.sheet.contains("svg .\(look.rawValue){"), "\(look)")
        }
    }

    @Test func `the smallest of many sites share a bar, and what is left has its own`() {
        let sites = (1...40).map { SizeBars.Bar(name: "site\($0)", before: $0, after: $0 - 1) }
        let markup = SizeBars("x", sites, total: SizeBars.Bar(name: "rest", before: 1000, after: 900)).markup
        #expect(markup.contains("<text class=\"label\" x=\"0\" y=\"831\" text-anchor=\"start\">16 smaller sites"))
        #expect(markup.contains(">136 \u{2192} 120<"))
        #expect(markup.contains(">180 \u{2192} 120<"))
        #expect(markup.contains(">site17<") && !markup.contains(">site16<"))
    }

    static let front: JSONValue = [
        "original": ["parameters": 200_000], "outputs": [["name": "y", "task": "classification"]],
        "budget": [["option": "max_disagreement", "output": "y", "limit": 0.02]],
        "pareto": [
            ["parameters": 180_000, "disagreement": 0.001, "disagreement_upper95": 0.004, "chosen": false],
            ["parameters": 120_000, "disagreement": 0.01, "disagreement_upper95": 0.016, "chosen": true],
            ["parameters": 60_000, "disagreement": 0.2, "disagreement_upper95": 0.25, "chosen": false],
        ],
    ]

    @Test func `the front is drawn with letters`() throws {
        let drawing = try #require(FrontText(Self.front)).lines(columns: 44, rows: 8)
        #expect(
            drawing.joined(separator: "\n") == """
                answers that change (* chosen)
                      |  o
                 10 % |
                      |
                      |- - - - - - - - - - - - -  budget 2 %
                  1 % |                 *
                      |
                      |
                0.1 % |                               o
                      +-------------------------------------
                     50 k        100 k       150 k     200 k
                                    parameters
                """)
        #expect(drawing.allSatisfy { $0.unicodeScalars.count <= 44 })
    }

    @Test func `there is no drawing without room or without a front`() throws {
        #expect(try #require(FrontText(Self.front)).lines(columns: 29) == [])
        #expect(FrontText(["pareto": [["parameters": 1, "divergence": 0.1]]]) == nil)
        #expect(FrontText(.null) == nil)
    }

    @Test func `a front of any numbers is drawn`() throws {
        for value in [0, -1, 1e-300, 1e300, .infinity, .nan] as [Double] {
            for size in [0, 1, Int.max] {
                let point: JSONValue = ["parameters": .int(size), "divergence": .double(value), "chosen": true]
                let result: JSONValue = ["pareto": [point, ["parameters": 5, "divergence": 0.1]], "chosen": point]
                #expect(try #require(FrontText(result)).lines().count == 16)
                #expect(FrontChart(try #require(FrontSeries(result))).markup.contains("chosen"))
            }
        }
    }

    @Test func `the drawing has the budget, each point and its bound`() throws {
        var front = try #require(FrontSeries(Self.front))
        #expect(front.points.map(\.parameters) == [180_000, 120_000, 60_000])
        #expect((front.limit, front.measure) == (0.02, .disagreement))
        let markup = FrontChart(front).markup
        #expect(markup.contains(">budget 2 %<"))
        #expect(markup.contains("<title>120,000 parameters: 1 % answers that change, at most 1.6 %</title>"))
        #expect(markup.components(separatedBy: "class=\"point\"").count == 3)
        #expect(markup.components(separatedBy: "class=\"chosen\"").count == 2)
        #expect(markup.components(separatedBy: "class=\"interval\"").count == 7)
        front.tuned = FrontSeries.Point(parameters: 120_000, value: 0.005, isChosen: true)
        #expect(FrontChart(front).markup.contains(">chosen, fine-tuned<"))
        #expect(FrontChart(front).markup.components(separatedBy: "class=\"point\"").count == 4)
    }

    @Test func `a chosen point that no training changed is drawn once`() throws {
        var result = try #require(Self.front.object)
        result["chosen"] = ["parameters": 120_000, "disagreement": 0.01, "disagreement_upper95": 0.016]
        #expect(try #require(FrontSeries(.object(result))).tuned == nil)
        result["chosen"] = ["parameters": 120_000, "disagreement": 0.005, "disagreement_upper95": 0.012]
        #expect(try #require(FrontSeries(.object(result))).tuned?.value == 0.005)
    }

    @Test func `the limit of another output is no line of the first`() throws {
        var result = try #require(Self.front.object)
        result["budget"] = [["option": "max_disagreement", "output": "other", "limit": 0.02]]
        #expect(try #require(FrontSeries(.object(result))).limit == nil)
    }
}
