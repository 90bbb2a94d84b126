import HTTPTypes

/// The first line of a request (RFC 9112 §3).
struct RequestLine: Sendable {
    var method: HTTPRequest.Method
    var target: RequestTarget
    /// The minor version of HTTP/1.
    var minorVersion: Int

    private static let methods: [HTTPRequest.Method] = [
        .get, .head, .post, .put, .delete, .patch, .options, .trace,
    ]

    /// - Parameters:
    ///   - line: the line without its line end
    ///   - limits: the limit on the target's length
    /// - Throws: ``RequestError`` for a malformed or unsupported line
    init(_ line: Span<UInt8>, limits: Limits) throws(RequestError) {
        guard let first = line.firstIndex(of: .space, from: 0), first > 0 else { throw .requestLine }
        for index in 0..<first where !line[index].isToken { throw .requestLine }
        guard let second = line.firstIndex(of: .space, from: first + 1), second > first + 1 else { throw .requestLine }
        minorVersion = try Self.minorVersion(line.extracting(second + 1..<line.count))
        guard let name = line.extracting(0..<first).text,
            let method = Self.methods.first(where: { $0.rawValue == name })
        else { throw .unknownMethod }
        self.method = method
        guard second - first - 1 <= limits.targetBytes else { throw .targetTooLong(limitBytes: limits.targetBytes) }
        target = try RequestTarget(line.extracting(first + 1..<second))
        guard target.path != "*" || method == .options else { throw .target }
    }

    private static func minorVersion(_ text: Span<UInt8>) throws(RequestError) -> Int {
        guard text.count == 8, text.extracting(0..<5).equals("HTTP/"), text[5].isDigit, text[6] == UInt8(ascii: "."),
            text[7].isDigit
        else { throw .versionSyntax }
        guard text[5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        // RFC 9110 §2.5: a higher minor version is processed as the highest supported one.
        return min(Int(text[7] - 0x30), 1)
    }
}
