import ByteText
import JobContract

/// The query of a request.
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

    /// A number within `range`; the default when it is absent.
    func count(_ name: String, default defaultValue: Int, in range: ClosedRange<Int>) throws(Problem) -> Int {
        guard let text = self[name] else { return defaultValue }
        guard let count = Self.digits(text), range.contains(count) else {
            throw Problem(
                .malformedRequest,
                "'\(name)' has to be a whole number from \(range.lowerBound) to \(range.upperBound).", parameter: name)
        }
        return count
    }

    /// The number written in `text` by digits alone; `Int` itself would accept a sign.
    static func digits(_ text: some StringProtocol) -> Int? { text.isDigits ? Int(text) : nil }
}
