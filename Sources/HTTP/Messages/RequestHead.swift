package import HTTPTypes

/// A request without its body.
package struct RequestHead: Sendable {
    package let method: HTTPRequest.Method
    /// The decoded path; `*` for the server itself.
    package let path: String
    /// The decoded query items, in the client's order.
    package let query: [(name: String, value: String)]
    package let headers: HTTPFields
    /// The host and port as the client wrote them; empty when an HTTP/1.0 request has none.
    package let authority: String
    package let minorVersion: Int
    package let framing: BodyFraming
    /// True when the client wants to reuse the connection (RFC 9112 §9.3).
    package let keepsAlive: Bool
    /// True when the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    package let expectsContinue: Bool

    /// - Throws: ``RequestError`` when the lines are not a valid request
    init(_ line: RequestLine, _ headers: HTTPFields) throws(RequestError) {
        method = line.method
        path = line.target.path
        query = line.target.query
        minorVersion = line.minorVersion
        self.headers = headers
        // Headers that frame, route or end a message must be ASCII: intermediaries read other bytes differently.
        for name in [.hostField, .connection, .contentLength, .expect, .transferEncoding] as [HTTPField.Name] {
            guard headers[values: name].allSatisfy({ $0.utf8.allSatisfy { $0 < 0x80 } }) else { throw .fieldValue }
        }
        let hosts = headers[values: .hostField]
        guard hosts.count == 1 || hosts.isEmpty && minorVersion == 0 else { throw .host }
        for host in hosts {
            let bytes = Array(host.utf8)
            guard Authority.isValid(bytes.span) else { throw .host }
        }
        authority = line.target.authority ?? hosts.first ?? ""
        framing = try BodyFraming(headers, minorVersion: minorVersion)
        let options = headers[values: .connection].flatMap(listMembers)
        keepsAlive = !options.contains("close") && (minorVersion > 0 || options.contains("keep-alive"))
        let codings = headers[values: .contentEncoding].flatMap(listMembers)
        guard codings.allSatisfy({ $0 == "identity" || $0.isEmpty }) else { throw .contentCoding }
        let expectations = minorVersion > 0 ? headers[values: .expect].flatMap(listMembers) : []
        guard expectations.allSatisfy({ $0 == "100-continue" }) else { throw .expectation }
        expectsContinue = !expectations.isEmpty
    }
}

extension HTTPField.Name {
    /// The name `Host`, which HTTPTypes does not expose because later versions of HTTP use `:authority`.
    static let hostField: HTTPField.Name = {
        guard let name = HTTPField.Name("Host") else { preconditionFailure("'Host' is no name of a field") }
        return name
    }()
}
