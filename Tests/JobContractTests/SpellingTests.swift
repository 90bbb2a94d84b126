import Testing

@testable import JobContract

@Suite struct SpellingTests {
    @Test(arguments: [
        ("see\u{301}d", "seed"), ("\u{600}seed", "seed"), ("see\u{301}\u{301}\u{301}", nil), ("\u{212A}eep", "keep"),
        ("\u{212A}eeP", "keep"),
    ])
    func `letters and marks count by themselves`(word: String, meant: String?) {
        #expect(Spelling.nearest(to: word, among: ["seed", "keep"]) == meant)
    }
}
