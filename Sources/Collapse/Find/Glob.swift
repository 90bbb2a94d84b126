/// A pattern for module paths: `*` matches any characters, `?` matches one.
///
/// Characters are Unicode scalars, so that a combining accent after a star or a dot does not hide it.
struct Glob {
    private static let anything: Unicode.Scalar = "*"
    private static let one: Unicode.Scalar = "?"
    private let pattern: [Unicode.Scalar]

    init(_ pattern: String) { self.pattern = Array(pattern.unicodeScalars) }

    func matches(_ text: String) -> Bool {
        let text = Array(text.unicodeScalars)
        // `star` and `covered`: the last star and the end of the text it covers. On a mismatch it covers one more.
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
