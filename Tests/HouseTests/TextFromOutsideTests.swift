import Testing

/// Operations that always compare `Character`s or canonical equivalents. `Sources/ByteText` has the reason against them
/// and the replacements.
private let questionsOfCharacters = [
    "lowercased()", "uppercased()", "capitalized", "localized", "caseInsensitive", "trimmingCharacters",
    "components(separatedBy", "replacingOccurrences", "hasPrefix", "hasSuffix", "Character(", "[Character]",
    "for character in", "isWhitespace", "isNewline", ".isNumber", "isWholeNumber", "hexDigitValue",
]

/// Operations that compare `Character`s unless the line names a view of bytes or scalars.
private let questionsOfText = [
    ".isLetter", ".split(separator:", ".split(whereSeparator:", ".split(maxSplits:", ".split {", ".contains(\"",
    "\".contains(", ".replacing(\"", "firstRange(of:", ".range(of:", ".first == \"", ".last == \"",
]

private let views = ["utf8", "unicodeScalars", "UInt8(ascii:", "byte."]

/// An allowed use of such an operation.
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
        // A literal of one character may be a scalar: the line shows a view, but not the literal's type.
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

/// The targets without text from outside.
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
