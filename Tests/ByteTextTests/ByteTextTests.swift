import ByteText
import Testing

@Test func `a mark that joins the next character hides nothing from bytes`() {
    let hidden = "\u{600}<script>"
    #expect(hidden.containsBytes(of: "<script>"))
    #expect("a/\u{301}".splitBytes(at: UInt8(ascii: "/")) == ["a", "\u{301}"])
    #expect(".\u{301}x".startsWithBytes(of: "."))
    #expect("x.onnx\u{301}".endsWithBytes(of: ".onnx") == false)
}

@Test func `scalars that Unicode takes for ASCII letters are none`() {
    #expect("chun\u{212A}ed".asciiLowercased.hasBytes(of: "chunked") == false)
    #expect("\u{212A}".hasBytes(of: "K") == false)
    #expect("ChunKed".asciiLowercased.hasBytes(of: "chunked"))
    #expect("İ".asciiLowercased.hasBytes(of: "İ"))
}

@Test(arguments: [
    ("", [String]()), ("a", ["a"]), ("a,b", ["a", "b"]), (",a,,b,", ["a", "b"]), (",", []),
])
func `pieces lie between separators`(text: String, pieces: [String]) {
    #expect(text.splitBytes(at: UInt8(ascii: ",")) == pieces)
}

@Test func `empty pieces and the rest are kept when that is asked for`() {
    #expect(",a,".splitBytes(at: UInt8(ascii: ","), keepsEmpty: true) == ["", "a", ""])
    #expect("a=b=c".splitBytes(at: UInt8(ascii: "="), maxSplits: 1) == ["a", "b=c"])
}

@Test(arguments: [
    ("abcabd", "abd", true), ("abc", "", true), ("", "a", false), ("aab", "ab", true), ("ab", "abc", false),
])
func `a part is found wherever it stands`(text: String, part: String, isThere: Bool) {
    #expect(text.containsBytes(of: part) == isThere)
}

@Test func `blanks at the ends go and those inside stay`() {
    #expect(" \ta b\t ".trimmedBlanks == "a b")
    #expect(" \t ".trimmedBlanks == "")
    #expect("\u{A0}a".trimmedBlanks == "\u{A0}a")
}

@Test func `digits are those of ASCII`() {
    #expect("0123".isDigits)
    #expect(!"".isDigits)
    #expect(!"+1".isDigits)
    #expect(!"١".isDigits)
}

@Test func `what steers a terminal or the reading direction is shown as its code`() {
    #expect("a\u{1B}[31mb".visible == "a\\u{1B}[31mb")
    #expect("abc\u{202E}fed\u{2028}\n".visible == "abc\\u{202E}fed\\u{2028}\\u{A}")
    #expect("größe \u{600}<".visible == "größe \u{600}<")
}
