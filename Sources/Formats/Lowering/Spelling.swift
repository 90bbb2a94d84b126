import ByteText

/// Nearest-word search, for suggestions in error messages.
enum Spelling {
    /// The maximum length of compared words: the time grows with the product of both lengths.
    private static let longest = 64

    /// The word at the smallest edit distance, if that is at most about a third of the length or one contains the
    /// other.
    static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        guard word.utf8.count <= longest else { return nil }
        let ranked = words.filter { $0.utf8.count <= longest }.map { ($0, distance(word, $0)) }
        let best = ranked.min { ($0.1, $0.0) < ($1.1, $1.0) }
        guard let (nearest, edits) = best else { return nil }
        let isPart = nearest.containsBytes(of: word) || word.containsBytes(of: nearest)
        return edits <= max(1, (word.utf8.count + 1) / 3) || isPart ? nearest : nil
    }

    /// The edit distance in bytes, ignoring ASCII case.
    private static func distance(_ left: String, _ right: String) -> Int {
        let (a, b) = (Array(left.asciiLowercased.utf8), Array(right.asciiLowercased.utf8))
        var row = Array(0...b.count)
        for i in a.indices {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let change = diagonal + (a[i] == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(change, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
