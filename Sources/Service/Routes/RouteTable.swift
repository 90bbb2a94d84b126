import ByteText
import HTTPTypes
import JobContract

/// All paths of the API with their methods.
struct RouteTable: Sendable {
    typealias Handler = @Sendable (Routes, Call) async throws -> Answer

    struct Route: Sendable {
        let method: HTTPRequest.Method
        /// A path such as `/v1/jobs/{id}`; also the label of the route in logs.
        let template: String
        let components: [String]
        let handler: Handler

        init(_ method: HTTPRequest.Method, _ template: String, _ handler: @escaping Handler) {
            (self.method, self.template) = (method, template)
            components = template.splitBytes(at: UInt8(ascii: "/"))
            self.handler = handler
        }

        /// The values of the template's parameters; nil when the path does not match.
        func parameters(of path: [String]) -> [String: String]? {
            guard path.count == components.count else { return nil }
            var parameters: [String: String] = [:]
            for (part, component) in zip(path, components) {
                if component.startsWithBytes(of: "{") {
                    parameters[component.dropBytes(1).bytes(before: UInt8(ascii: "}"))] = part
                } else if !part.hasBytes(of: component) {
                    return nil
                }
            }
            return parameters
        }
    }

    enum Match {
        case found(Route, parameters: [String: String])
        /// The path exists, but only with these methods.
        case otherMethods([HTTPRequest.Method])
        case nothing
    }

    let routes: [Route]

    /// The route of a path. `HEAD` matches the routes of `GET`; earlier routes win.
    func match(_ method: HTTPRequest.Method, _ path: String) -> Match {
        let parts = path.splitBytes(at: UInt8(ascii: "/"))
        var methods: [HTTPRequest.Method] = []
        for route in routes {
            guard let parameters = route.parameters(of: parts) else { continue }
            if route.method == method || method == .head && route.method == .get {
                return .found(route, parameters: parameters)
            }
            methods += route.method == .get ? [.get, .head] : [route.method]
        }
        return methods.isEmpty ? .nothing : .otherMethods(methods)
    }

    static let all = RouteTable(routes: [
        Route(.get, "/") { $0.index($1) },
        Route(.get, "/livez") { $0.live($1) },
        Route(.get, "/readyz") { try await $0.ready($1) },
        Route(.get, "/version") { $0.version($1) },
        Route(.get, "/v1/capabilities") { $0.capabilities($1) },

        Route(.post, "/v1/jobs") { try await $0.createJob($1) },
        Route(.get, "/v1/jobs") { try await $0.listJobs($1) },
        Route(.get, "/v1/jobs/{id}") { try await $0.showJob($1) },
        Route(.put, "/v1/jobs/{id}") { try await $0.putJob($1) },
        Route(.delete, "/v1/jobs/{id}") { try await $0.deleteJob($1) },
        Route(.post, "/v1/jobs/{id}/cancel") { try await $0.cancelJob($1) },
        Route(.post, "/v1/jobs/{id}/finish") { try await $0.finishJob($1) },
        Route(.post, "/v1/jobs/{id}/duplicate") { try await $0.duplicateJob($1) },
        Route(.get, "/v1/jobs/{id}/events") { try await $0.listEvents($1) },
        Route(.get, "/v1/jobs/{id}/watch") { try await $0.watchJob($1) },
        Route(.get, "/v1/jobs/{id}/metrics") { try await $0.metrics($1) },
        Route(.get, "/v1/jobs/{id}/metrics.csv") { try await $0.metricsTable($1) },
        Route(.get, "/v1/jobs/{id}/checkpoints") { try await $0.listCheckpoints($1) },
        Route(.get, "/v1/jobs/{id}/model") { try await $0.downloadModel($1) },
        Route(.get, "/v1/jobs/{id}/files/{name}") { try await $0.downloadOutput($1) },
        Route(.get, "/v1/jobs/{id}/report") { try await $0.report($1) },
        Route(.get, "/v1/jobs/{id}/report.json") { try await $0.report($1) },
        Route(.get, "/v1/jobs/{id}/report.md") { try await $0.report($1) },
        Route(.get, "/v1/jobs/{id}/report.html") { try await $0.report($1) },
        Route(.get, "/v1/jobs/{id}/report.xml") { try await $0.report($1) },

        // The same handlers under OpenAI's paths, so that its client libraries work.
        Route(.post, "/v1/fine_tuning/jobs") { try await $0.createJob($1) },
        Route(.get, "/v1/fine_tuning/jobs") { try await $0.listJobs($1) },
        Route(.get, "/v1/fine_tuning/jobs/{id}") { try await $0.showJob($1) },
        Route(.post, "/v1/fine_tuning/jobs/{id}/cancel") { try await $0.cancelJob($1) },
        Route(.get, "/v1/fine_tuning/jobs/{id}/events") { try await $0.listEvents($1) },
        Route(.get, "/v1/fine_tuning/jobs/{id}/checkpoints") { try await $0.listCheckpoints($1) },

        Route(.post, "/v1/plan") { try await $0.createPlan($1) },
        Route(.post, "/v1/checks") { try await $0.createCheck($1) },

        Route(.post, "/v1/files") { try await $0.createFile($1) },
        Route(.get, "/v1/files") { try $0.listFiles($1) },
        Route(.get, "/v1/files/{id}") { try $0.showFile($1) },
        Route(.put, "/v1/files/{id}") { try await $0.putFile($1) },
        Route(.delete, "/v1/files/{id}") { try await $0.deleteFile($1) },
        Route(.get, "/v1/files/{id}/content") { try $0.fileContent($1) },
        Route(.get, "/v1/files/{id}/inspect") { try await $0.inspectFile($1) },
    ])
}
