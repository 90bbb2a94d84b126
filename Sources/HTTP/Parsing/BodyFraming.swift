import HTTPTypes

/// The framing that marks the end of a request's body (RFC 9112 §6.3).
package enum BodyFraming: Hashable, Sendable {
    case none
    case length(Int)
    case chunked

    /// - Parameters:
    ///   - headers: the headers of the request
    ///   - minorVersion: the minor version of HTTP/1
    /// - Throws: ``RequestError`` when two readers could disagree about the end of the body
    init(_ headers: HTTPFields, minorVersion: Int) throws(RequestError) {
        let codings = headers[values: .transferEncoding]
        let lengths = headers[values: .contentLength]
        guard !codings.isEmpty else {
            switch lengths.count {
            case 0: self = .none
            case 1:
                guard let length = Digits.decimal(lengths[0].utf8) else { throw .contentLength }
                self = .length(length)
            default: throw .contentLength
            }
            return
        }
        guard lengths.isEmpty else { throw .ambiguousLength }
        // RFC 9112 §6.1: HTTP/1.0 has no transfer codings, so an intermediary may have misread this one.
        guard minorVersion > 0, codings.count == 1 else { throw .transferCoding }
        let names = listMembers(codings[0])
        guard names.last == "chunked", !names.contains(""), names.filter({ $0 == "chunked" }).count == 1 else {
            throw .transferCoding
        }
        guard names.count == 1 else { throw .unknownTransferCoding }
        self = .chunked
    }
}
