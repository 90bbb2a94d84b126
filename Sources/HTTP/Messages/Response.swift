package import HTTPTypes

/// The response of a handler.
package struct Response: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Bytes of files.
        case files(FileRanges)
        /// A body that is written while it is sent; the closure may rethrow the writer's error.
        case stream(@Sendable (BodyWriter) async throws -> Void)
    }

    package var status: Int
    /// The headers other than those for framing, which the server sets.
    package var headers: HTTPFields
    package var body: Body

    package init(status: Int, headers: HTTPFields = HTTPFields(), body: Body = .none) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }
}

/// The functions that answer requests.
package struct Handler: Sendable {
    package var respond: @Sendable (Request) async -> Response
    /// Makes the response for a refused request. It must be quick, since it runs on the event loop.
    package var reject: @Sendable (RequestError) -> Response
    /// Returns whether a request is answered although the server is full, such as a health check.
    package var answersWhenFull: @Sendable (RequestHead) -> Bool

    package init(
        respond: @escaping @Sendable (Request) async -> Response,
        reject: @escaping @Sendable (RequestError) -> Response,
        answersWhenFull: @escaping @Sendable (RequestHead) -> Bool = { _ in false }
    ) {
        (self.respond, self.reject, self.answersWhenFull) = (respond, reject, answersWhenFull)
    }
}
