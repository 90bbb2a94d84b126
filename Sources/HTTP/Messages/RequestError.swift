/// The reason why a request is refused before, or instead of, the handler's response.
package enum RequestError: Error, Hashable, Sendable, CustomStringConvertible {
    case requestLine
    case lineEnd
    case versionSyntax
    case unsupportedVersion
    case unknownMethod
    case target
    case targetTooLong(limitBytes: Int)
    case fieldName
    case fieldValue
    case foldedField
    case fieldsTooLarge(limitBytes: Int)
    case tooManyFields(limit: Int)
    case host
    case contentLength
    case transferCoding
    case unknownTransferCoding
    case ambiguousLength
    case contentCoding
    case expectation
    case bodyTooLarge(limitBytes: Int)
    case chunk
    case chunkOverhead
    case truncatedBody
    case slowHead
    case slowBody
    case tooManyConnections
    case serverStopping
    /// The handler's response cannot be sent.
    case unusableAnswer

    /// The status of the refusal.
    package var status: Int {
        switch self {
        case .requestLine, .lineEnd, .versionSyntax, .target, .fieldName, .fieldValue, .foldedField, .host,
            .contentLength, .transferCoding, .ambiguousLength, .chunk, .chunkOverhead, .truncatedBody:
            400
        case .slowHead, .slowBody: 408
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .contentCoding: 415
        case .expectation: 417
        case .fieldsTooLarge, .tooManyFields: 431
        case .unusableAnswer: 500
        case .unknownMethod, .unknownTransferCoding: 501
        case .tooManyConnections, .serverStopping: 503
        case .unsupportedVersion: 505
        }
    }

    /// The sentence for the client: it states what was expected and never quotes the request.
    package var description: String {
        switch self {
        case .requestLine: "The first line has to be a method, a target and a version with one space between them."
        case .lineEnd: "Lines end with CR LF, and neither occurs alone."
        case .versionSyntax: "The version has to be written 'HTTP/1.1'."
        case .unsupportedVersion: "The server speaks HTTP/1.1."
        case .unknownMethod: "The server does not know the method."
        case .target: "The target has to be a path, or a whole http address, in valid percent-encoding."
        case .targetTooLong(let limit): "The target may have at most \(limit) bytes."
        case .fieldName: "A header has a name of letters, digits and hyphens, and a colon right behind it."
        case .fieldValue: "A header's value has no control characters."
        case .foldedField: "A header stands on one line."
        case .fieldsTooLarge(let limit): "All headers together may have at most \(limit) bytes."
        case .tooManyFields(let limit): "There may be at most \(limit) headers."
        case .host: "There has to be exactly one Host, with a name and at most a port."
        case .contentLength: "Content-Length has to be there once, and has to be a whole number in decimal digits."
        case .transferCoding: "Transfer-Encoding has to be there once, and has to be 'chunked'."
        case .unknownTransferCoding: "The only Transfer-Encoding that is known is 'chunked'."
        case .ambiguousLength: "A request has Content-Length or Transfer-Encoding, not both."
        case .contentCoding: "Bodies are sent as they are, without a Content-Encoding."
        case .expectation: "The only expectation that can be met is '100-continue'."
        case .bodyTooLarge(let limit): "The body may have at most \(limit) bytes."
        case .chunk: "The body's chunks are malformed."
        case .chunkOverhead: "The body's chunks are too small, or say too much beside their sizes."
        case .truncatedBody: "The body ended before it was complete."
        case .slowHead: "The request took too long to come."
        case .slowBody: "The body comes too slowly."
        case .tooManyConnections: "The server has no room for another connection."
        case .serverStopping: "The server is about to stop: send the request again."
        case .unusableAnswer: "The service could not answer this; its log says why."
        }
    }
}
