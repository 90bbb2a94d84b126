import HTTP
import HTTPTypes
import JobContract
import Jobs
import Logging

/// Answers requests: checks, routing, errors and the log.
struct Responder: Sendable {
    let routes: Routes
    var table = RouteTable.all

    /// Answers a request, and writes its log line.
    func answer(_ request: RequestHead, body: RequestBody) async -> Answer {
        let id = Identifier.make("req", at: routes.now())
        let start = ContinuousClock.now
        var template = "none"
        var answer: Answer
        do {
            try rejectForeignNames(request)
            try Self.rejectForeignPages(request)
            switch table.match(request.method, request.path) {
            case .found(let route, let parameters):
                template = route.template
                let call = Call(head: request, parameters: parameters, id: id, body: body)
                answer = try await route.handler(routes, call).narrowed(for: request.method, request.headers) {
                    Answer($0, instance: request.path, request: id)
                }
            case .otherMethods(let methods):
                let allow = methods.map(\.rawValue).joined(separator: ", ")
                guard request.method == .options else {
                    var problem = Problem(.methodNotAllowed, "\(request.method.rawValue) is not among \(allow).")
                    problem.allow = allow
                    throw problem
                }
                answer = Answer(status: 204, body: .none).with(.allow, allow)
            // RFC 9110 §9.3.7: the methods of the server as a whole.
            case .nothing where request.method == .options && request.path == "*":
                answer = Answer(status: 204, body: .none).with(.allow, "GET, HEAD, POST, PUT, DELETE, OPTIONS")
            case .nothing: throw Problem(.notFound, "There is nothing at this path.")
            }
        } catch {
            let problem = Problem(error)
            if problem.code == .internalError {
                routes.logger.error("a request failed", metadata: ["request": "\(id)", "error": "\(error)"])
            }
            answer = Answer(problem, instance: request.path, request: id)
        }
        answer.headers[.requestID] = id
        routes.logger.info(
            "request",
            metadata: [
                "request": "\(id)", "method": "\(request.method.rawValue)", "route": "\(template)",
                "status": .stringConvertible(answer.status),
                "seconds": .stringConvertible((ContinuousClock.now - start) / .seconds(1)),
            ])
        return answer
    }

    /// Rejects foreign host names. The owner of a name can point it to this machine, and a browser then takes the
    /// owner's page for one of ours (DNS rebinding). Without keys only the name tells them apart.
    ///
    /// - SeeAlso: RFC 9110 §15.5.20
    private func rejectForeignNames(_ request: RequestHead) throws(Problem) {
        guard !HostName.isOurs(request.authority, names: routes.configuration.hosts) else { return }
        throw Problem(
            .misdirectedRequest,
            "The service answers to 'localhost', to addresses and to the names of the setting 'hosts'.",
            hint: "set LAYERCOLLAPSE_HOSTS to the name that clients use", parameter: "Host")
    }

    /// Rejects changes by pages of other sites, which a browser on this machine may send; browsers state the origin.
    ///
    /// - SeeAlso: RFC 6454 §7, w3.org/TR/fetch-metadata
    private static func rejectForeignPages(_ request: RequestHead) throws(Problem) {
        guard ![.get, .head, .options].contains(request.method) else { return }
        let site = request.headers[.fetchSite] ?? "none"
        let origins = request.headers[values: .origin]
        let isOwn = origins.allSatisfy { HostName.isOrigin($0, of: request.authority) }
        guard !isOwn || site != "none" && site != "same-origin" else { return }
        throw Problem(.forbidden, "A page of another site may not change anything here.")
    }
}
