import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct ReportPageTests {
    private static let hostile = "<script>alert(\"1\")</script> & a|b *c* `d` [e](f) #g _h_ \\ i\nj"

    /// A report in which every text that comes from a file is hostile.
    private static func report(_ text: String = hostile, ratio: JSONValue = 6.7) -> JSONValue {
        [
            "model": .string(text), "method": .string(text), "version": .string(text),
            "assumptions": [.string(text)],
            "options": ["method": .string(text), "nothing": nil, "include": [.string(text)]],
            "inputs": .object(JSONValue.Object([(text, .string(text))])),
            "training": [
                "steps": [1, 2], "loss": [0.5, 0.25], "slopes": .object(JSONValue.Object([(text, [0.1, 0.9])])),
            ],
            "commands": ["terminal": .string(ShellWord.quoted(text)), "curl": .string(ShellWord.quoted(text))],
            "result": [
                "original": ["parameters": 1_234_567, "metric": 0.936, "metric_name": "accuracy", "loss": 0.25],
                "compressed": ["parameters": 15_338, "metric": 0.935, "metric_name": "accuracy", "loss": 12.5],
                "compression_ratio": ratio, "disagreement": ["rate": 0.003, "upper95": 0.0066, "samples": 2000],
                "layers": [
                    [
                        "name": .string(text), "kind": .string(text), "in": 128, "hidden": 384, "out": 10,
                        "parameters_before": 53_000, "parameters_after": 1290, "r2": 0.9876, "kl": 0.0123,
                        "macs_before": 53_000, "macs_after": 1290, "collapsed": false, "reason": .string(text),
                    ],
                    ["name": .string(text), "collapsed": true, "choice": ["words": .string(text)]],
                ],
                "pareto": [
                    point(0.01, chosen: true, text), point(0.2, chosen: false, text),
                ],
                "chosen": point(0.008, chosen: true, text), "budget": [["option": "max_disagreement", "limit": 0.02]],
                "prediction": ["worst_ratio": 0.5, "points": 2],
                "admitting_budget": .object(JSONValue.Object([(text, 0.5)])), "met_budget": false,
                "outputs": [["task": .string(text), "name": .string(text)]],
                "classes": [["class": 0, "samples": 7, "recall_before": 0.5, "recall_after": 0.25]],
                "worst_class": ["class": 0, "drop": 0.25], "verification": ["max_abs_diff": 1e-6, "samples": 7],
                "not_collapsible": [["name": .string(text), "reason": .string(text)]],
                "digests": .object(JSONValue.Object([(text, .string(text))])),
            ],
        ]
    }

    private static func point(_ disagreement: Double, chosen: Bool, _ text: String) -> JSONValue {
        [
            "layers": 1, "parameters": 15_338, "macs": 20_000, "predicted_damage": 0.01,
            "damage": .double(disagreement),
            "disagreement": .double(disagreement), "disagreement_upper95": .double(2 * disagreement),
            "chosen": .bool(chosen), "plan": .object(JSONValue.Object([(text, .string(text))])),
        ]
    }

    @Test func `no text becomes markup of the page`() {
        let page = ReportPage(Self.report()).html
        #expect(!page.contains("<script"))
        #expect(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; a|b"))
        // Every tag is one of ours; the first begins with an exclamation mark.
        let tags = Set(
            page.split(separator: "<").map { $0.prefix { $0.isLetter || $0 == "/" || $0.isNumber } })
        let ours = [
            "b", "body", "circle", "dd", "div", "dl", "dt", "figcaption", "figure", "h1", "h2", "head", "html", "li",
            "main",
            "p", "polyline", "pre", "section", "style", "svg", "table", "tbody", "td", "text", "th", "thead", "title",
            "tr",
            "ul",
        ]
        let alone: Set<Substring> = ["", "meta", "line", "rect"]
        #expect(tags.subtracting(ours.flatMap { [Substring($0), "/" + $0] }).isSubset(of: alone))
        #expect(page.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
    }

    @Test func `no text breaks a table or a line of the card`() {
        let card = ReportPage(Self.report()).markdown
        let lines = card.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.prefix(5) == ["---", "tags:", "- onnx", "- layercollapse", "---"])
        var columns: Int?
        for line in lines {
            guard line.hasPrefix("|") else {
                columns = nil
                continue
            }
            let bars = zip(" " + line, line).count { $1 == "|" && $0 != "\\" }
            #expect(bars == columns ?? bars, "\(line)")
            columns = bars
        }
        // What stands between a backslash and itself is text: nothing opens a tag, a link or an emphasis.
        #expect(card.contains("&lt;script&gt;"))
        var plain = card
        for character in "\\`*_[]<>|#" { plain.replace("\\\(character)", with: "") }
        #expect(!plain.contains("<"))
        #expect(!plain.contains("*"))
        #expect(!plain.contains("`"))
        #expect(!plain.contains("["))
        #expect(lines.count { $0.hasPrefix("#") } == 10)
    }

    @Test(arguments: ["\u{600}", "\u{110BD}", "\u{301}"])
    func `a mark that joins the next character hides no markup`(mark: String) {
        let report = Self.report("\(mark)<img src=x onerror=alert(1)>\(mark)[a](b)\(mark)&lt;\(mark)\"\(mark)</title>")
        let page = ReportPage(report).html
        #expect(Array(page.utf8).split(separator: UInt8(ascii: "<")).allSatisfy { !$0.starts(with: "img".utf8) })
        let plain = ReportPage(Self.report("plain")).html
        #expect(page.utf8.count { $0 == UInt8(ascii: "<") } == plain.utf8.count { $0 == UInt8(ascii: "<") })
        let card = Array(ReportPage(report).markdown.utf8)
        #expect(!card.contains(UInt8(ascii: "<")))
        for (place, byte) in card.enumerated() where byte == UInt8(ascii: "[") {
            #expect(card[place - 1] == UInt8(ascii: "\\"))
        }
    }

    @Test func `what turns the reading direction is shown as its code`() {
        let page = ReportPage(Self.report("a\u{202E}b\u{2028}c\u{1B}[31m")).html
        #expect(page.contains("a\\u{202E}b\\u{2028}c\\u{1B}[31m"))
        #expect(!page.unicodeScalars.contains("\u{202E}"))
    }

    @Test func `a page that was saved brings its policy along`() {
        #expect(
            ReportPage(Self.report()).html.contains(
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'"))
    }

    @Test func `numbers stand as people read them`() {
        let card = ReportPage(Self.report("net.onnx")).markdown
        #expect(card.contains("# net.onnx, compressed\n"))
        #expect(card.contains("| Parameters | 1,234,567 | 15,338 |"))
        #expect(card.contains("| accuracy | 93.60 % | 93.50 % |"))
        #expect(card.contains("| Loss | 0.2500 | 12.5 |"))
        #expect(
            card.contains(
                "net.onnx has 6.7x fewer parameters and answers differently on 0.30 % of 2,000 held-out samples."))
        #expect(card.contains("| chosen | 1 | 15,338 | 20,000 | 0.0100 | 0.0100 (&lt; 0.0200) |"))
        #expect(card.contains("| fine-tuned | 1 | 15,338 | 20,000 | 0.0100 | 0.0080 (&lt; 0.0160) |"))
        #expect(card.contains("| 0 | 7 | 50.00 % | 25.00 % | -25.00 |"))
        #expect(
            card.contains(
                "The two networks answer differently on 0.30 % of 2,000 held-out samples; with 95 % confidence on at "
                    + "most 0.66 %, and accuracy drops by no more than that."))
        #expect(card.contains("| kept: net.onnx | net.onnx | 128 - 384 - 10 | 53,000 | 53,000 | 0.9876 | 0.0123 |"))
        #expect(!card.contains("nothing"))
    }

    @Test(arguments: [
        (JSONValue.double(1), "has int8 weights"), (.double(2), "has 2.0x fewer parameters with int8 weights"),
    ])
    func `the headline says what became of the weights`(ratio: JSONValue, words: String) {
        let page = ReportPage([
            "model": "net.onnx",
            "result": [
                "compressed": ["parameters": 1], "compression_ratio": ratio, "quantization": ["weights": "int8"],
            ],
        ])
        #expect(page.markdown.contains("net.onnx \(words)."))
    }

    @Test func `a report of nothing says so`() {
        let empty = ReportPage(["result": ["layers": []]])
        #expect(empty.markdown.contains("No layers were collapsed; the table says why."))
        #expect(empty.html.contains("<p class=\"lead\">No layers were collapsed; the table says why.</p>"))
        #expect(ReportPage(.null).markdown.contains("# model, left as it is"))
    }
}
