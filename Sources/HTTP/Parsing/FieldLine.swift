import HTTPTypes

/// The parser for one header or trailer line (RFC 9112 §5).
enum FieldLine {
    /// Parses a line without its line end.
    ///
    /// - Throws: ``RequestError/fieldName`` or ``RequestError/fieldValue``
    static func parse(_ line: Span<UInt8>) throws(RequestError) -> HTTPField {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":"), from: 0), colon > 0 else { throw .fieldName }
        for index in 0..<colon where !line[index].isToken { throw .fieldName }
        for index in colon + 1..<line.count where !line[index].isFieldText { throw .fieldValue }
        var (start, end) = (colon + 1, line.count)
        while start < end, line[start].isBlank { start += 1 }
        while end > start, line[end - 1].isBlank { end -= 1 }
        guard let text = line.extracting(0..<colon).text, let name = HTTPField.Name(text) else { throw .fieldName }
        guard !isDisguised(name.canonicalName) else { throw .fieldName }
        let value = line.extracting(start..<end)
        if let text = value.text { return HTTPField(name: name, value: text) }
        // `obs-text`: each byte is decoded as ISO 8859-1, the encoding that such values used historically.
        let latin = String(String.UnicodeScalarView((0..<value.count).map { Unicode.Scalar(value[$0]) }))
        return HTTPField(name: name, value: latin)
    }

    /// Returns whether an intermediary may read the name as one that frames the body: some gateways turn `_` into `-`.
    private static func isDisguised(_ name: String) -> Bool { name == "content_length" || name == "transfer_encoding" }
}
