import HTTP
import HTTPTypes
import JobContract
import Jobs
import Logging
import SystemCalls

/// Turns HTTP requests into calls of the responder, and its answers into responses. A class because it owns the server.
final class Listener: Sendable {
    private let server: Server
    private let drain: Duration

    /// Starts listening.
    ///
    /// - Parameters:
    ///   - configuration: address, limits and threads
    ///   - descriptors: the descriptor limit of the process
    ///   - responder: answers the requests
    ///   - logger: receives what clients do not see
    /// - Throws: ``ServerError`` when it cannot listen.
    init(configuration: Configuration, descriptors: Int, responder: Responder, logger: Logger) async throws {
        var limits = Limits()
        limits.bodyBytes = configuration.uploadLimitBytes
        limits.reservedDescriptors =
            DescriptorLimit.own + DescriptorLimit.perProcess * (configuration.runningJobs + InspectionRunner.places)
        // Each connection may have a file open beside its socket.
        let possible = max(1, (descriptors - limits.reservedDescriptors) / 2)
        limits.connections = min(configuration.connectionLimit ?? Self.mostConnections, possible)
        // On loopback, and behind a proxy there, all clients have one address.
        limits.connectionsPerAddress = configuration.isLoopback ? limits.connections : (limits.connections + 1) / 2
        drain = configuration.drain
        let handler = Handler(
            respond: { await Self.respond(to: $0, by: responder, logger: logger) },
            reject: { Self.refusal($0, by: responder) },
            answersWhenFull: { ["/livez", "/readyz"].contains($0.path) })
        server = try Server(
            host: configuration.host, port: configuration.port, limits: limits, workers: configuration.httpWorkers,
            logger: logger, handler: handler)
        try await server.start()
    }

    /// The most connections by memory: an idle connection takes about four kilobytes.
    private static let mostConnections = 65_536

    /// The port that it listens on.
    var port: UInt16 { server.port }

    /// Stops accepting connections, and returns when the running requests have ended or the drain is over.
    func stop() async { await server.stop(within: drain) }

    private static func respond(to request: Request, by responder: Responder, logger: Logger) async -> Response {
        let head = request.head
        var announced: Int?
        if case .length(let length) = head.framing { announced = length }
        if case .none = head.framing { announced = 0 }
        let body = RequestBody(announcedBytes: announced, next: { try await Self.nextBytes(of: request) })
        return await responder.answer(head, body: body).response(isIndented: head.wantsIndentation, logger: logger)
    }

    private static func nextBytes(of request: Request) async throws(Problem) -> [UInt8]? {
        do throws(BodyError) {
            return try await request.nextBytes()
        } catch {
            switch error {
            case .refused(.bodyTooLarge(let limit)):
                throw Problem(.fileTooLarge, RequestError.bodyTooLarge(limitBytes: limit).description)
            case .refused(.serverStopping):
                throw Problem(.shuttingDown, RequestError.serverStopping.description, retryAfterSeconds: 10)
            case .refused(let error): throw Problem(.malformedRequest, error.description)
            case .gone: throw Problem(.malformedRequest, "The client left before its body was complete.")
            }
        }
    }

    /// The response to bytes that never became a request, in the API's error format and with a log line.
    private static func refusal(_ error: RequestError, by responder: Responder) -> Response {
        let code: ProblemCode =
            switch error.status {
            case 413: .fileTooLarge
            case 415: .unsupportedMediaType
            case 500: .internalError
            case 503: error == .serverStopping ? .shuttingDown : .overloaded
            default: .malformedRequest
            }
        let id = Identifier.make("req", at: responder.routes.now())
        let reason = reasonPhrase(error.status)
        var document = Problem(code, error.description).document(instance: "", request: id).object ?? JSONValue.Object()
        document["status"] = .int(error.status)
        document["title"] = .string(reason)
        document["instance"] = nil
        var response = Response(
            status: error.status, body: .bytes(Array((JSONValue.object(document).text() + "\n").utf8)))
        response.headers[.contentType] = "application/problem+json"
        response.headers[.requestID] = id
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.contentSecurityPolicy] = PagePolicy.header
        if error.status == 503 { response.headers[.retryAfter] = "1" }
        if error == .contentCoding { response.headers[.acceptEncoding] = "identity" }
        responder.routes.logger.info(
            "request refused",
            metadata: [
                "request": "\(id)", "status": .stringConvertible(error.status), "reason": "\(error)",
            ])
        return response
    }
}
