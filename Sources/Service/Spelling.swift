/// What a misspelt word was meant to be.
package enum Spelling {
    /// The known word with the fewest edits between it and the given one; nil when none is near.
    package static func nearest(to word: String, among known: some Sequence<String>) -> String? {
        let allowed = max(1, word.count / 3)
        // Anything longer is no misspelling of ours, and the table below grows with the product of both lengths.
        guard word.utf8.count <= 64 else { return nil }
        let ranked = known.map { (word: $0, edits: edits(Array(word.lowercased()), Array($0))) }
        return ranked.filter { $0.edits <= allowed }.min { ($0.edits, $0.word) < ($1.edits, $1.word) }?.word
    }

    /// Insertions, deletions and replacements that turn one word into the other (Levenshtein's distance).
    private static func edits(_ first: [Character], _ second: [Character]) -> Int {
        var row = Array(0...second.count)
        for (i, left) in first.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in second.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[second.count]
    }
}
