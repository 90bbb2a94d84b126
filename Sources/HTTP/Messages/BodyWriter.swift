/// Writes the body of an answer piece by piece.
package struct BodyWriter: Sendable {
    let connection: Connection
    let exchange: Int
    let isChunked: Bool

    /// Sends bytes, and returns when the client can take more.
    ///
    /// - Throws: ``BodyError/gone``
    package func write(_ bytes: [UInt8]) async throws(BodyError) {
        // An empty chunk would be the end.
        guard !bytes.isEmpty else { return }
        try await connection.write(isChunked ? ResponseWriter.chunk(bytes) : bytes, of: exchange)
    }
}
