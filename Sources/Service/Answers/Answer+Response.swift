import HTTP
import HTTPTypes
import JobContract
import Logging
import SystemCalls

extension Answer {
    /// The answer as an HTTP response.
    ///
    /// - Parameters:
    ///   - isIndented: true to indent JSON for people
    ///   - logger: receives errors that occur while the response is sent
    /// - Returns: the response with its body and content type
    func response(isIndented: Bool, logger: Logger) -> Response {
        var response = Response(status: status, headers: headers)
        // A browser must not guess that a model is a page.
        response.headers[.xContentTypeOptions] = "nosniff"
        // Bodies hold names chosen by clients, so a browser may show them but not run anything.
        response.headers[.contentSecurityPolicy] = PagePolicy.header
        // Caches must not keep what a client stored here.
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
                response.body = .files(FileRanges(try OpenFile(path: path)))
            } catch {
                logger.error("a file cannot be sent", metadata: ["error": "\(error)"])
                return Response(status: error.isPassing ? 503 : 500)
            }
        case .files(let files, let fileType):
            type = fileType
            response.body = .files(files)
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

    /// Opens the file of an answer, if it names one, and applies the request's preconditions and range (RFC 9110 §13 and §14).
    ///
    /// - Parameters:
    ///   - method: the method of the request; only GET has ranges
    ///   - requested: the headers of the request
    ///   - reject: makes the answer for a problem
    /// - Returns: the whole file, a part of it, or the answer of a failed precondition or range
    /// - Throws: ``SystemError`` when the file cannot be read.
    func narrowed(
        for method: HTTPRequest.Method, _ requested: HTTPFields, reject: (Problem) -> Answer
    ) throws -> Answer {
        guard status == 200 else { return self }
        let (files, type): (FileRanges, String)
        switch body {
        case .file(let path, let fileType): (files, type) = (FileRanges(try OpenFile(path: path)), fileType)
        case .files(let ranges, let fileType): (files, type) = (ranges, fileType)
        case .none, .json, .text, .stream: return self
        }
        var answer = self
        answer.body = .files(files, type: type)
        answer.headers[.acceptRanges] = "bytes"
        switch Preconditions(requested, entityTag: headers[.eTag]) {
        case .met: break
        case .unchanged: return answer.notModified
        case .failed:
            return reject(Problem(.preconditionFailed, "The file is not the one that If-Match names."))
        }
        guard method == .get, let wanted = requested[.range],
            Preconditions.allowsRange(requested, entityTag: headers[.eTag])
        else { return answer }
        switch ByteRange(wanted, length: files.length) {
        case .whole: return answer
        case .part(let range):
            answer.status = 206
            answer.headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(files.length)"
            answer.body = .files(files[range], type: type)
            return answer
        case .unsatisfiable:
            return reject(Problem(.rangeNotSatisfiable, "The file has \(files.length) bytes."))
                .with(.contentRange, "bytes */\(files.length)")
        }
    }
}
