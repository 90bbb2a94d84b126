/// Writes the body of a response piece by piece.
package struct BodyWriter: Sendable {
    let connection: Connection
    let exchange: Int
    let isChunked: Bool

    /// Sends bytes and returns when the client is ready for more.
    ///
    /// - Throws: ``BodyError/gone`` when the client has disconnected
    package func write(_ bytes: [UInt8]) async throws(BodyError) {
        // An empty chunk would end the body.
        guard !bytes.isEmpty else { return }
        try await connection.write(isChunked ? ResponseWriter.chunk(bytes) : bytes, of: exchange)
    }
}
