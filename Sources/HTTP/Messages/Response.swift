package import HTTPTypes

/// What a handler answers.
package struct Response: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// A part of a file.
        case file(OpenFile, Range<Int>)
        /// Written while it is sent; the closure may throw when the writer does.
        case stream(@Sendable (BodyWriter) async throws -> Void)
    }

    package var status: Int
    /// Without those that say how the answer is framed, which the server knows best.
    package var headers: HTTPFields
    package var body: Body

    package init(status: Int, headers: HTTPFields = HTTPFields(), body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// Whoever answers requests.
package struct Handler: Sendable {
    package var respond: @Sendable (Request) async -> Response
    /// Says why something never became a request; quick, since it runs between the sockets.
    package var refuse: @Sendable (RequestError) -> Response
    /// Whether a request is answered though there is no room: whoever watches over the server asks then of all times.
    package var answersWhenFull: @Sendable (RequestHead) -> Bool

    package init(
        respond: @escaping @Sendable (Request) async -> Response,
        refuse: @escaping @Sendable (RequestError) -> Response,
        answersWhenFull: @escaping @Sendable (RequestHead) -> Bool = { _ in false }
    ) {
        self.respond = respond
        self.refuse = refuse
        self.answersWhenFull = answersWhenFull
    }
}
