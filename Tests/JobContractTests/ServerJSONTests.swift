import Testing

@testable import JobContract

@Suite struct ServerJSONTests {
    @Test func `what is written reads back as the same value, in the same order`() throws {
        let value: JSONValue = [
            "b": [1, -2, 2.5, nil, true], "a": ["text": "a \"quoted\" line\nwith \\ and é and \u{1F600}"], "empty": [:],
        ]
        #expect(try JSONParser.parse(Array(value.text().utf8)) == value)
        #expect(try JSONParser.parse(Array(value.text(indented: true).utf8)) == value)
        #expect(try JSONParser.parse(Array(value.text().utf8)).object?.names == ["b", "a", "empty"])
    }

    @Test func `indented text is for people`() {
        let value: JSONValue = ["id": "job_1", "data": [1, 2], "none": []]
        #expect(
            value.text(indented: true) == """
                {
                  "id": "job_1",
                  "data": [
                    1,
                    2
                  ],
                  "none": []
                }
                """)
    }

    @Test func `numbers that are not finite are written as null`() {
        #expect(JSONValue.array([.double(.nan), .double(.infinity), 0.5]).text() == "[null,null,0.5]")
    }

    @Test(arguments: [
        ("", "JSON, byte 0: expected a value"),
        ("{\"a\":1,\"a\":2}", "JSON, byte 7: the name 'a' occurs twice in one object"),
        ("NaN", "JSON, byte 0: expected a value"),
        ("1e999", "JSON, byte 0: the number is too large"),
        ("[1,]", "JSON, byte 3: expected a value"),
        ("01", "JSON, byte 1: expected the end"),
        ("+1", "JSON, byte 0: expected a value"),
        ("1.", "JSON, byte 2: expected a digit"),
        ("\"\\ud800\"", "JSON, byte 3: the string is not valid Unicode"),
        ("\"\\ud800\\u0041\"", "JSON, byte 3: the string is not valid Unicode"),
        ("\"a\nb\"", "JSON, byte 2: expected no control character in a string"),
        ("\u{FEFF}1", "JSON, byte 0: expected a value"),
        ("{\"a\" 1}", "JSON, byte 5: expected ':'"),
        ("tru", "JSON, byte 0: expected true"),
    ])
    func `what is not JSON is refused with its place`(text: String, message: String) {
        let error = #expect(throws: JSONError.self) { try JSONParser.parse(Array(text.utf8)) }
        #expect(error?.description == message)
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: JSONError.invalidText(byte: 0)) { try JSONParser.parse([0x22, 0xC0, 0xAF, 0x22]) }
    }

    @Test func `a number of ten thousand digits is refused`() {
        let digits = [UInt8](repeating: UInt8(ascii: "9"), count: 10_000)
        #expect(throws: JSONError.numberOutOfRange(byte: 0)) { try JSONParser.parse(digits) }
    }

    @Test func `nesting has a limit, and the limit itself is allowed`() throws {
        func nested(_ levels: Int) -> [UInt8] {
            Array((String(repeating: "[", count: levels) + String(repeating: "]", count: levels)).utf8)
        }
        _ = try JSONParser.parse(nested(JSONParser.maximumDepth + 1))
        #expect(throws: JSONError.self) { try JSONParser.parse(nested(JSONParser.maximumDepth + 2)) }
        #expect(throws: JSONError.self) { try JSONParser.parse(nested(100_000)) }
    }

    @Test func `no prefix of a document is a document`() throws {
        let text = Array(#"{"a":[1.5e3,"x\u00e9",{"b":null}],"c":false}"#.utf8)
        for length in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONParser.parse(Array(text[..<length])) }
        }
        _ = try JSONParser.parse(text)
    }

    @Test(arguments: [
        ("methd", "method"), ("max_metric_dorp", "max_metric_drop"), ("SEED", "seed"), ("zzz", nil),
        (String(repeating: "m", count: 100_000), nil),
    ])
    func `a misspelt word finds the one it was meant to be`(word: String, meant: String?) {
        #expect(Spelling.nearest(to: word, among: ["method", "max_metric_drop", "seed", "steps"]) == meant)
    }
}
