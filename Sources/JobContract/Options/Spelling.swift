import ByteText

/// The search for the known word that is nearest to a misspelt one.
package enum Spelling {
    /// The known word with the fewest edits between it and the given one; nil when none is near.
    package static func nearest(to word: String, among known: some Sequence<String>) -> String? {
        let allowed = max(1, word.unicodeScalars.count / 3)
        // Anything longer is no misspelling of ours, and the table below grows with the product of both lengths.
        guard word.utf8.count <= 64 else { return nil }
        let letters = Array(word.asciiLowercased.unicodeScalars)
        let ranked = known.map { (word: $0, edits: edits(letters, Array($0.unicodeScalars))) }
        return ranked.filter { $0.edits <= allowed }.min { ($0.edits, $0.word) < ($1.edits, $1.word) }?.word
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
    private static func edits(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
        var table = [Array(0...second.count)]
        for i in first.indices {
            var row = [i + 1]
            for j in second.indices {
                var fewest = min(table[i][j] + (first[i] == second[j] ? 0 : 1), table[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, first[i] == second[j - 1], first[i - 1] == second[j] {
                    fewest = min(fewest, table[i - 1][j - 1] + 1)
                }
                row.append(fewest)
            }
            table.append(row)
        }
        return table[first.count][second.count]
    }
}
