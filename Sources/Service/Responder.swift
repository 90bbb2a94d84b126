import HTTPTypes
import Jobs
import Logging

/// From a request to its answer, whatever happens on the way.
struct Responder: Sendable {
    let routes: Routes
    var table = RouteTable.all

    /// A request as the connection read it.
    struct Request: Sendable {
        var method: HTTPRequest.Method
        /// Decoded.
        var path: String
        var query: Query
        var headers: HTTPFields
        var authority: String
        var body: RequestBody
    }

    /// Answers, and writes the line of the log.
    func answer(_ request: Request) async -> Answer {
        let id = Identifier.make("req", at: routes.now())
        let start = ContinuousClock.now
        var template = "none"
        var answer: Answer
        do {
            try Self.refuseForeignPages(request)
            switch table.match(request.method, request.path) {
            case .found(let route, let parameters):
                template = route.template
                let call = Call(
                    method: request.method, path: request.path, parameters: parameters, query: request.query,
                    headers: request.headers, authority: request.authority, id: id, body: request.body)
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
            // RFC 9110 §9.3.7: what the server as a whole can do.
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

    /// A page of somebody else, open in a browser on this machine, may send forms to it; a browser says where they come from.
    ///
    /// - SeeAlso: w3.org/TR/fetch-metadata
    private static func refuseForeignPages(_ request: Request) throws(Problem) {
        let isRead = [.get, .head, .options].contains(request.method)
        let site = request.headers[.fetchSite] ?? "none"
        guard !isRead, site != "none", site != "same-origin" else { return }
        throw Problem(.forbidden, "A page of another site may not change anything here.")
    }
}
