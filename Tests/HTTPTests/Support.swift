// Support for the HTTP tests: texts as bytes, and parser results that can be compared.

@testable import HTTP

/// The text as ISO 8859-1: `\u{80}` to `\u{FF}` become single bytes.
func bytes(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { scalar in UInt8(exactly: scalar.value) ?? UInt8(ascii: "?") }
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// The result of a head parser in a form that can be compared.
enum Outcome: Hashable {
    case incomplete
    case complete(consumed: Int)
    case refused(RequestError)

    var status: Int? { if case .refused(let error) = self { error.status } else { nil } }
}

extension HeadParser {
    mutating func outcome(_ bytes: [UInt8]) -> Outcome {
        do {
            switch try parse(bytes.span) {
            case .incomplete: return .incomplete
            case .complete(_, let consumed): return .complete(consumed: consumed)
            }
        } catch {
            return .refused(error)
        }
    }
}

func head(_ text: String, limits: Limits = Limits()) throws -> RequestHead? {
    var parser = HeadParser(limits: limits)
    guard case .complete(let head, _) = try parser.parse(bytes(text).span) else { return nil }
    return head
}

/// The result of a body reader.
struct BodyOutcome: Hashable {
    var content: [UInt8] = []
    var consumed = 0
    var isFinished = false
    var error: RequestError?

    /// Reads the body in pieces of the given size.
    init(_ input: [UInt8], _ framing: BodyFraming, limits: Limits = Limits(), pieces: Int) {
        do {
            var reader = try BodyReader(framing, limits: limits)
            while consumed < input.count, !reader.isFinished {
                let end = min(consumed + pieces, input.count)
                consumed += try reader.read(input.span.extracting(consumed..<end), into: &content)
            }
            isFinished = reader.isFinished
        } catch {
            self.error = error
            // The content before an error depends on the size of the pieces.
            (content, consumed) = ([], 0)
        }
    }
}
