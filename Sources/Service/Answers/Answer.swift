import HTTP
import HTTPTypes
import JobContract

/// The result of a handler, which the connection turns into bytes.
struct Answer: Sendable {
    /// Writes to the client. Returns when the client accepts more, and throws when it has disconnected.
    typealias Write = @Sendable (String) async throws -> Void

    enum Body: Sendable {
        case none
        /// JSON, indented for people.
        case json(JSONValue)
        case text(String, type: String)
        /// A file, sent as a whole or in the requested part.
        case file(path: String, type: String)
        /// Bytes of open files, sent as a whole or in the requested part like a ``file(path:type:)``.
        case files(FileRanges, type: String)
        case stream(type: String, @Sendable (Write) async throws -> Void)
    }

    var status = 200
    var headers = HTTPFields()
    var body: Body

    static func json(_ value: JSONValue, status: Int = 200) -> Answer { Answer(status: status, body: .json(value)) }
    static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Answer {
        Answer(body: .text(text, type: type))
    }

    /// The answer with one more header.
    func with(_ name: HTTPField.Name, _ value: String?) -> Answer {
        guard let value else { return self }
        var answer = self
        answer.headers[name] = value
        return answer
    }

    init(status: Int = 200, headers: HTTPFields = HTTPFields(), body: Body) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    /// The answer for a problem.
    init(_ problem: Problem, instance: String, request: String) {
        self.init(
            status: problem.code.status, body: .json(problem.document(instance: instance, request: request)))
        headers[.contentType] = "application/problem+json"
        if let seconds = problem.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        if let allow = problem.allow { headers[.allow] = allow }
        // OpenAI's clients retry a 409, which cannot help when the state is final.
        if problem.code.isFinal { headers[.shouldRetry] = "false" }
        if problem.code == .unsupportedMediaType {
            headers[.accept] = "multipart/form-data, application/json"
        }
    }
}

extension HTTPField.Name {
    static let requestID = known("X-Request-Id")
    static let shouldRetry = known("x-should-retry")
    static let lastEventID = known("Last-Event-ID")
    static let prefer = known("Prefer")
    static let preferenceApplied = known("Preference-Applied")
    static let fetchSite = known("Sec-Fetch-Site")
    static let origin = known("Origin")
    static let contentSecurityPolicy = known("Content-Security-Policy")
    static let reprDigest = known("Repr-Digest")

    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("'\(name)' is no name of a field") }
        return name
    }
}

extension ProblemCode {
    /// True when the same request can never succeed.
    var isFinal: Bool {
        switch self {
        case .jobNotCancellable, .idempotencyKeyReused, .jobNotSucceeded: true
        default: false
        }
    }
}
