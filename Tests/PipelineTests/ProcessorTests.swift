import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct ProcessorTests {
    @Test(arguments: [
        ("flags\t\t: fpu sse2 avx avx2 fma bmi2\n", [String]()),
        ("model name\t: Old\nflags\t\t: fpu sse2 avx fma\nflags\t\t: avx2\n", ["AVX2"]),
        ("flags\t\t: fpu avx512f avx2x fma4\n", ["AVX2", "FMA"]),
        ("model name\t: says nothing\n", []),
    ])
    func `what a processor lacks is known by its flags`(text: String, missing: [String]) {
        #expect(Processor.Features(text).missing == missing)
    }

    @Test func `text stands at the beginning of a column and numbers at its end`() {
        var table = TextTable()
        table.add([.text("layer"), .number("after"), .text("")])
        table.add([.text("fc"), .number("7"), .text("saves nothing")])
        #expect(table.lines == ["layer  after", "fc         7  saves nothing"])
    }

    @Test func `a name from a file keeps to its cell`() {
        var table = TextTable()
        table.add([.text("a\u{1B}[2J\nb"), .number("7")])
        table.add([.text("\u{202E}c"), .number("77")])
        #expect(table.lines == ["a\\u{1B}[2J\\u{A}b   7", "\\u{202E}c         77"])
    }
}
