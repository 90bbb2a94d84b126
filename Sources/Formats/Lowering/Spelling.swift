import ByteText

/// How far words are apart.
enum Spelling {
    /// Longer words are not compared letter by letter: the time grows with the product of both lengths.
    private static let longest = 64

    /// The word that differs in the fewest letters, if that is at most about a third of them or one holds the other.
    static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        guard word.utf8.count <= longest else { return nil }
        let ranked = words.filter { $0.utf8.count <= longest }.map { ($0, distance(word, $0)) }
        let best = ranked.min { ($0.1, $0.0) < ($1.1, $1.0) }
        guard let (nearest, edits) = best else { return nil }
        let isPart = nearest.containsBytes(of: word) || word.containsBytes(of: nearest)
        return edits <= max(1, (word.utf8.count + 1) / 3) || isPart ? nearest : nil
    }

    /// Letters to insert, delete or change, in whatever case.
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
