/// A pattern on module paths: `*` stands for any characters, `?` for one.
///
/// Characters are scalars of Unicode: an accent that follows a star or a dot is one of its own, and hides neither.
struct Glob {
    private static let anything: Unicode.Scalar = "*"
    private static let one: Unicode.Scalar = "?"
    private let pattern: [Unicode.Scalar]

    init(_ pattern: String) { self.pattern = Array(pattern.unicodeScalars) }

    func matches(_ text: String) -> Bool {
        let text = Array(text.unicodeScalars)
        // Where the last star stood, and how much of the text it covered: on a mismatch it covers one more.
        var (place, index, star, covered) = (0, 0, -1, 0)
        while index < text.count {
            if place < pattern.count, pattern[place] == Self.anything {
                (star, covered) = (place, index)
                place += 1
            } else if place < pattern.count, pattern[place] == Self.one || pattern[place] == text[index] {
                place += 1
                index += 1
            } else if star >= 0 {
                covered += 1
                (place, index) = (star + 1, covered)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == Self.anything }
    }
}
