import ByteText
import JobContract

/// What stands behind the question mark.
struct Query: Sendable {
    let items: [(name: String, value: String)]

    subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    /// The values of `prefix[name]`, by name.
    func labels(_ prefix: String) -> [String: String] {
        var labels: [String: String] = [:]
        let start = prefix + "["
        for (name, value) in items where name.startsWithBytes(of: start) && name.endsWithBytes(of: "]") {
            labels[String(decoding: name.utf8.dropFirst(start.utf8.count).dropLast(), as: UTF8.self)] = value
        }
        return labels
    }

    /// A number within bounds, or the standard one when it is not there.
    func count(_ name: String, standard: Int, in range: ClosedRange<Int>) throws(Problem) -> Int {
        guard let text = self[name] else { return standard }
        guard let count = Self.digits(text), range.contains(count) else {
            throw Problem(
                .malformedRequest,
                "'\(name)' has to be a whole number from \(range.lowerBound) to \(range.upperBound).", parameter: name)
        }
        return count
    }

    /// Digits and nothing else; `Int` itself would take a sign.
    static func digits(_ text: some StringProtocol) -> Int? {
        text.isDigits ? Int(text) : nil
    }
}
