/// A request with access to its body.
package struct Request: Sendable {
    package let head: RequestHead
    let connection: Connection
    let exchange: Int

    /// The next bytes of the body. The client is held back until the handler calls this.
    ///
    /// - Returns: the bytes; nil at the end of the body
    /// - Throws: ``BodyError`` when the rest of the body cannot be read
    package func nextBytes() async throws(BodyError) -> [UInt8]? { try await connection.nextBytes(of: exchange) }
}

/// The reason why a body cannot be read or written further.
package enum BodyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The body is malformed, too large or too slow; the connection itself sends the error to the client.
    case refused(RequestError)
    /// The client has disconnected or already has its response.
    case gone

    package var description: String {
        switch self {
        case .refused(let error): "\(error)"
        case .gone: "the client no longer waits for the response"
        }
    }
}
