import Testing

/// Questions that Swift answers by `Character` or by canonical equivalence, whatever they are asked of. `Sources/ByteText`
/// says why text from outside is not asked like that, and has what to write instead.
private let questionsOfCharacters = [
    "lowercased()", "uppercased()", "capitalized", "localized", "caseInsensitive", "trimmingCharacters",
    "components(separatedBy", "replacingOccurrences", "hasPrefix", "hasSuffix", "Character(", "[Character]",
    "for character in", "isWhitespace", "isNewline", ".isNumber", "isWholeNumber", "hexDigitValue",
]

/// The same unless the line names the bytes or the scalars that it looks at.
private let questionsOfText = [
    ".isLetter", ".split(separator:", ".split(whereSeparator:", ".split(maxSplits:", ".split {", ".contains(\"",
    "\".contains(", ".replacing(\"", "firstRange(of:", ".range(of:", ".first == \"", ".last == \"",
]

private let views = ["utf8", "unicodeScalars", "UInt8(ascii:", "byte."]

/// A question that stays.
private struct Exception: CustomTestStringConvertible, Sendable {
    let path: String
    let question: String
    let reason: String
    var testDescription: String { "\(path): \(question), because \(reason)" }
}

private let exceptions = [
    Exception(
        path: "HTTP/Parsing/BodyFraming.swift", question: ".contains(\"",
        reason: "a list is asked for a member as a whole"),
    Exception(
        path: "HTTP/Parsing/BodyFraming.swift", question: ".last == \"",
        reason: "the last member of a list is a whole text"),
    Exception(
        path: "HTTP/Messages/RequestHead.swift", question: ".contains(\"",
        reason: "a list is asked for a member as a whole"),
]

private struct Find {
    let path: String
    let lineNumber: Int
    let question: String

    func isExcused(by exception: Exception) -> Bool { path == exception.path && question == exception.question }
}

extension SourceFile {
    fileprivate var finds: [Find] {
        // One character may be a scalar as well: its type is not to be seen, but the view on the same line is.
        let oneCharacter = #/\$0 [!=]= "\\?."/#
        var finds: [Find] = []
        for (number, line) in code.enumerated() {
            var found = questionsOfCharacters.filter { line.contains($0) }
            if !views.contains(where: { line.contains($0) }) {
                found += questionsOfText.filter { line.contains($0) }
                if line.contains(oneCharacter) { found.append("$0 == \"c\"") }
            }
            finds += found.map { Find(path: path, lineNumber: number + 1, question: $0) }
        }
        return finds
    }
}

/// In these no text is from outside.
private let targetsOfNumbers: Set<String> = ["Compute", "Model"]

private let finds = SourceFile.all.filter { !targetsOfNumbers.contains($0.target) }.flatMap(\.finds)

@Test func `text is asked by its bytes or its scalars`() {
    for find in finds where !exceptions.contains(where: find.isExcused) {
        Issue.record("\(find.path):\(find.lineNumber) asks '\(find.question)' of characters: ByteText has another way")
    }
}

@Test(arguments: exceptions)
private func `every exception is still needed`(exception: Exception) {
    #expect(finds.contains { $0.isExcused(by: exception) })
}
