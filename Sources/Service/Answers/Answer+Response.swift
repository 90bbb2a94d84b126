import HTTP
import HTTPTypes
import JobContract
import Logging

extension Answer {
    /// The answer as the server sends it.
    ///
    /// - Parameters:
    ///   - isIndented: whether JSON is for people
    ///   - logger: gets what goes wrong while the answer is on its way
    /// - Returns: the same in bytes, with the type that belongs to them
    func response(isIndented: Bool, logger: Logger) -> Response {
        var response = Response(status: status, headers: headers)
        // Nobody but us says what a body is; a browser must not guess that a model is a page.
        response.headers[.xContentTypeOptions] = "nosniff"
        // Whatever a browser is shown was made of names that clients chose: it may be looked at, and do nothing.
        response.headers[.contentSecurityPolicy] = PagePolicy.header
        // What a client stored here is nobody else's to keep.
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        var type: String?
        switch body {
        case .none: break
        case .json(let value):
            type = "application/json"
            response.body = .bytes(Array((value.text(indented: isIndented) + "\n").utf8))
        case .text(let text, let textType):
            type = textType
            response.body = .bytes(Array(text.utf8))
        case .file(let path, let fileType):
            type = fileType
            do {
                let file = try OpenFile(path: path)
                response.body = .file(file, 0..<file.length)
            } catch {
                logger.error("a file cannot be sent", metadata: ["error": "\(error)"])
                return Response(status: error.isPassing ? 503 : 500)
            }
        case .part(let file, let range, let fileType):
            type = fileType
            response.body = .file(file, range)
        case .stream(let streamType, let write):
            type = streamType
            response.body = .stream { writer in
                do {
                    try await write { text in try await writer.write(Array(text.utf8)) }
                } catch {
                    if !(error is BodyError) { logger.error("a stream broke off", metadata: ["error": "\(error)"]) }
                    throw error
                }
            }
        }
        if response.headers[.contentType] == nil, let type { response.headers[.contentType] = type }
        return response
    }

    /// Opens the file of an answer, and narrows it to what the request asks for (RFC 9110 §13 and §14).
    ///
    /// - Parameters:
    ///   - method: only GET has ranges
    ///   - requested: the headers of the request
    ///   - refuse: makes the answer that says what was wrong
    /// - Returns: the whole file, a part of it, or a word that the client has it or cannot have it
    /// - Throws: ``SystemError`` when the file cannot be read.
    func narrowed(
        for method: HTTPRequest.Method, _ requested: HTTPFields, refuse: (Problem) -> Answer
    ) throws -> Answer {
        guard status == 200, case .file(let path, let type) = body else { return self }
        let file = try OpenFile(path: path)
        var answer = self
        answer.body = .part(file, 0..<file.length, type: type)
        answer.headers[.acceptRanges] = "bytes"
        switch Preconditions(requested, entityTag: headers[.eTag]) {
        case .met: break
        case .unchanged: return answer.notModified
        case .failed:
            return refuse(Problem(.preconditionFailed, "The file is not the one that If-Match names."))
        }
        guard method == .get, let wanted = requested[.range],
            Preconditions.allowsRange(requested, entityTag: headers[.eTag])
        else { return answer }
        switch ByteRange(wanted, length: file.length) {
        case .whole: return answer
        case .part(let range):
            answer.status = 206
            answer.headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.length)"
            answer.body = .part(file, range, type: type)
            return answer
        case .unsatisfiable:
            return refuse(Problem(.rangeNotSatisfiable, "The file has \(file.length) bytes."))
                .with(.contentRange, "bytes */\(file.length)")
        }
    }
}
