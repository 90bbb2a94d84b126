/// A request, and the way to its body.
package struct Request: Sendable {
    package let head: RequestHead
    let connection: Connection
    let exchange: Int

    /// The next bytes of the body. The client is held up while nobody asks.
    ///
    /// - Returns: nil at the end
    /// - Throws: ``BodyError``
    package func nextBytes() async throws(BodyError) -> [UInt8]? {
        try await connection.nextBytes(of: exchange)
    }
}

/// Why no more of a body comes.
package enum BodyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What came is no body; the client is told by the connection itself.
    case refused(RequestError)
    /// The client has left, or has had its answer.
    case gone

    package var description: String {
        switch self {
        case .refused(let error): "\(error)"
        case .gone: "nobody waits for the answer any more"
        }
    }
}
