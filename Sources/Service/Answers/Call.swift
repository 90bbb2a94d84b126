import ByteText
import HTTP
import HTTPTypes
import JobContract

/// A request matched to a route.
struct Call: Sendable {
    let head: RequestHead
    /// The values of the route's path parameters.
    let parameters: [String: String]
    /// The id of the request, as in `X-Request-Id`.
    let id: String
    let body: RequestBody

    var method: HTTPRequest.Method { head.method }
    /// The decoded path, without the query.
    var path: String { head.path }
    var query: Query { Query(items: head.query) }
    var headers: HTTPFields { head.headers }
    /// The host and port as sent by the client.
    var authority: String { head.authority }

    /// The value of a path parameter, which the route must have.
    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    /// The time to wait for a change, in seconds: `?wait=30` or `Prefer: wait=30` (RFC 7240 §4.3).
    func wait() throws(Problem) -> Int? {
        if query["wait"] != nil { return try query.count("wait", default: 0, in: 0...60) }
        return preferredWait.map { min($0, 60) }
    }

    var prefersWait: Bool { query["wait"] == nil && preferredWait != nil }

    private var preferredWait: Int? {
        let preferences = (headers[.prefer] ?? "").splitBytes(at: UInt8(ascii: ",")).map(\.trimmedBlanks)
        return preferences.first { $0.startsWithBytes(of: "wait=") }.flatMap { Query.digits($0.dropBytes(5)) }
    }

    /// The number of the newest event known to the client, 0 for none: `Last-Event-ID`, or `after`.
    func lastEvent() throws(Problem) -> Int {
        guard let text = headers[.lastEventID] ?? query["after"], !text.isEmpty else { return 0 }
        guard let id = Query.digits(text.startsWithBytes(of: "evt_") ? text.dropBytes(4) : text) else {
            throw Problem(.malformedRequest, "'\(text.prefix(40))' is not the id of an event.", parameter: "after")
        }
        return id
    }

    /// The media type of the body, in lower case and without parameters.
    var mediaType: String {
        (headers[.contentType] ?? "").bytes(before: UInt8(ascii: ";")).trimmedBlanks.asciiLowercased
    }

    /// The body as one JSON object; an empty body is an empty object.
    func object(limitBytes: Int, from budget: MemoryBudget) async throws -> JSONValue.Object {
        let bytes = try await body.collect(limitBytes: limitBytes, from: budget)
        if bytes.isEmpty { return JSONValue.Object() }
        guard let object = try JSONParser.parse(bytes).object else {
            throw Problem(.malformedRequest, "The body has to be a JSON object.")
        }
        return object
    }
}

extension Answer {
    /// The 304 answer with the same headers and no content (RFC 9110 §15.4.5).
    var notModified: Answer {
        var answer = self
        answer.status = 304
        answer.body = .none
        return answer
    }
}

extension RequestHead {
    /// True for curl, whose output people read, and for `?pretty`.
    var wantsIndentation: Bool {
        headers[.userAgent]?.startsWithBytes(of: "curl/") == true || Query(items: query)["pretty"] != nil
    }
}
