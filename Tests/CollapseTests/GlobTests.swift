import Options
import Testing

@testable import Collapse

@Suite struct GlobTests {
    @Test(arguments: [
        ("*", "", true), ("*", "anything/at.all", true), ("", "", true), ("", "a", false),
        ("blocks.*.fc1", "blocks.11.fc1", true), ("blocks.*.fc1", "blocks.11.fc2", false),
        ("blocks.?.fc1", "blocks.1.fc1", true), ("blocks.?.fc1", "blocks.11.fc1", false),
        ("*fc1", "fc1fc1", true), ("a*b*c", "axxbyyc", true), ("a*b*c", "axxbyy", false), ("**", "x", true),
        ("head", "heads", false), ("*é?", "caféx", true),
        // A combining mark forms one `Character` with the star, dot or letter before it, and does not hide it.
        ("blocks.*", "blocks.\u{301}a", true), ("*\u{301}b", "a\u{301}b", true), ("a?b", "a\u{600}b", true),
        ("a?", "ab\u{301}", false), ("K", "\u{212A}", false),
    ])
    func `a pattern matches what it says`(pattern: String, text: String, isMatch: Bool) {
        #expect(Glob(pattern).matches(text) == isMatch)
    }

    @Test func `many stars end soon`() {
        let text = String(repeating: "a", count: 5000)
        #expect(!Glob(String(repeating: "*a", count: 60) + "b").matches(text))
    }

    @Test func `what is included and not excluded is admitted`() {
        var options = JobOptions()
        #expect(options.admits("blocks.0.fc1"))
        options.include = ["blocks.*", "head"]
        options.exclude = ["*.3.*"]
        #expect(["blocks.0.fc1", "head", "blocks.3.fc1", "stem"].map(options.admits) == [true, true, false, false])
    }
}
