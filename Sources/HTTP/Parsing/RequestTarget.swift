import ByteText

/// The target of a request (RFC 9112 §3.2).
struct RequestTarget: Sendable {
    /// The decoded path; `*` for the server itself.
    var path: String
    /// The decoded query items, in the client's order.
    var query: [(name: String, value: String)]
    /// The authority of a target in absolute form, which takes precedence over Host.
    var authority: String?

    /// - Throws: ``RequestError/target``
    init(_ text: Span<UInt8>) throws(RequestError) {
        guard text.count > 0 else { throw .target }
        for index in 0..<text.count {
            guard (0x21...0x7E).contains(text[index]), text[index] != UInt8(ascii: "#") else { throw .target }
        }
        if text.equals("*") {
            (path, query, authority) = ("*", [], nil)
            return
        }
        var start = 0
        authority = nil
        if text[0] != UInt8(ascii: "/") {
            guard let address = Self.afterScheme(text) else { throw .target }
            start = address
            while start < text.count, text[start] != UInt8(ascii: "/"), text[start] != UInt8(ascii: "?") { start += 1 }
            let host = text.extracting(address..<start)
            guard Authority.isValid(host), let name = host.text else { throw .target }
            authority = name
        }
        let mark = text.firstIndex(of: UInt8(ascii: "?"), from: start) ?? text.count
        path = start == mark ? "/" : try PercentCoding.decode(text.extracting(start..<mark), in: .path)
        query = mark < text.count ? try Self.items(text.extracting(mark + 1..<text.count)) : []
    }

    private static func afterScheme(_ text: Span<UInt8>) -> Int? {
        for scheme in ["http://", "https://"] where text.count > scheme.utf8.count {
            let start = text.extracting(0..<scheme.utf8.count)
            if start.text?.asciiLowercased == scheme { return scheme.utf8.count }
        }
        return nil
    }

    /// Parses `name=value` items separated by ampersands.
    private static func items(_ text: Span<UInt8>) throws(RequestError) -> [(name: String, value: String)] {
        var items: [(name: String, value: String)] = []
        var start = 0
        while start < text.count {
            let end = text.firstIndex(of: UInt8(ascii: "&"), from: start) ?? text.count
            let item = text.extracting(start..<end)
            if item.count > 0 {
                let mark = item.firstIndex(of: UInt8(ascii: "="), from: 0) ?? item.count
                let name = try PercentCoding.decode(item.extracting(0..<mark), in: .query)
                let value = item.extracting(min(mark + 1, item.count)..<item.count)
                items.append((name, try PercentCoding.decode(value, in: .query)))
            }
            start = end + 1
        }
        return items
    }
}
