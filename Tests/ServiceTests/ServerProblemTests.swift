import Foundation
import HTTPTypes
import Testing

@testable import JobContract
@testable import Service

/// The format of errors and of all other responses.
struct ServerProblemTests {
    @Test func `a problem has the members of RFC 9457 and OpenAI's error`() async throws {
        try await withServer { world in
            let form = ServerForm().file("model", "net.onnx", "m").field("max_metric_dorp", "1")
            let reply = try await world.post("/v1/jobs", form)
            let problem = reply.json
            #expect(
                problem.object?.names == [
                    "type", "title", "status", "detail", "instance", "request_id", "code", "errors", "error",
                ])
            #expect(problem["type"] == "/errors/unknown_option")
            #expect(problem["status"] == 422)
            #expect(problem["instance"] == "/v1/jobs")
            #expect(problem["request_id"]?.string == reply.headers["x-request-id"])
            #expect(problem["code"] == "unknown_option")
            #expect(problem["errors"]?.array?.first?["pointer"] == "/max_metric_dorp")
            #expect(problem["errors"]?.array?.first?["detail"] == problem["detail"])
            #expect(problem["errors"]?.array?.first?["hint"] == "did you mean 'max_metric_drop'?")
            #expect(problem["error"]?["message"] == problem["detail"])
            #expect(problem["error"]?["type"] == "invalid_request_error")
            #expect(problem["error"]?["param"] == "max_metric_dorp")
            #expect(problem["error"]?["code"] == "unknown_option")
        }
    }

    @Test(arguments: ProblemCode.allCases)
    func `every code has a status and words of its own`(code: ProblemCode) {
        #expect((400...507).contains(code.status))
        #expect(code.rawValue.allSatisfy { $0.isLowercase || $0 == "_" })
        #expect(ProblemCode.allCases.filter { $0.title == code.title }.count <= 2)
        let document = Problem(code, "x").document(instance: "/", request: "req_0")
        #expect(document["error"]?["type"] == (code.status < 500 ? "invalid_request_error" : "server_error"))
    }

    @Test func `JSON is indented for people, and on one line for programs`() async throws {
        try await withServer { world in
            for (path, headers, isIndented) in [
                ("/version", [("User-Agent", "curl/8.5.0")], true), ("/version?pretty", [], true),
                ("/version", [("User-Agent", "OpenAI/Python 1.0")], false), ("/version", [], false),
                ("/v1/jobs/job_0", [("User-Agent", "curl/8.5.0")], true), ("/v1/jobs/job_0", [], false),
            ] {
                let reply = try await world.request(path, headers)
                #expect(reply.text.contains("\n  \"") == isIndented, "\(path) \(headers)")
                #expect(reply.text.hasSuffix("}\n"))
                #expect(reply.json.object != nil)
            }
        }
    }

    @Test(arguments: ["/v1/nothing", "/v1/jobs/job_0/nothing", "/v1", "/favicon.ico", "/v1/jobs/a/b/c/d"])
    func `what is not there is not found`(path: String) async throws {
        try await withServer { world in
            let reply = try await world.request(path)
            #expect(reply.status == 404)
            #expect(reply.code == "not_found")
            #expect(reply.json["instance"] == .string(path))
        }
    }

    @Test(arguments: [
        ("PATCH", "/v1/jobs", "POST, GET, HEAD"), ("POST", "/livez", "GET, HEAD"), ("PUT", "/v1/plan", "POST"),
        ("POST", "/v1/jobs/job_0", "GET, HEAD, PUT, DELETE"), ("DELETE", "/v1/jobs/job_0/model", "GET, HEAD"),
    ])
    func `a method that a path does not have is told with those that it has`(
        method: String, path: String, allowed: String
    ) async throws {
        try await withServer { world in
            let reply = try await world.request(method, path)
            #expect(reply.status == 405)
            #expect(reply.code == "method_not_allowed")
            #expect(reply.headers["allow"] == allowed)
            let options = try await world.request("OPTIONS", path)
            #expect(options.status == 204)
            #expect(options.headers["allow"] == allowed)
            #expect(options.headers["x-request-id"] != nil)
        }
    }

    @Test func `HEAD is answered wherever GET is, with the same head`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            _ = try await world.ended(id)
            let file = try await world.request("/v1/jobs/\(id)").json["model"]?.string ?? ""
            for route in RouteTable.all.routes where route.method == .get {
                let owner = route.template.hasPrefix("/v1/files") ? file : id
                let path = route.template.replacing("{id}", with: owner).replacing("{name}", with: "report.md")
                let (get, head) = (try await world.request(path), try await world.request("HEAD", path))
                #expect(get.status == head.status, "\(path)")
                for name in ["content-type", "content-length", "etag", "content-disposition", "cache-control"] {
                    #expect(get.headers[name] == head.headers[name] || path.hasSuffix("/watch"), "\(path) \(name)")
                }
                #expect(get.headers["x-content-type-options"] == "nosniff")
                #expect(get.headers["x-request-id"]?.hasPrefix("req_") == true)
            }
            #expect(try await world.request("OPTIONS", "*").status == 204)
        }
    }

    @Test func `a body that is too long is refused with the limit`() async throws {
        try await withServer(["upload_limit_bytes": "2000", "request_limit_bytes": "1024"]) { world in
            let long = String(repeating: "x", count: 3000)
            let form = try await world.post("/v1/jobs", ServerForm().file("model", "net.onnx", long))
            #expect(form.status == 413)
            #expect(form.code == "file_too_large")
            #expect(form.json["detail"]?.string?.contains("2000") == true, "\(form.text)")
            let json = try await world.post("/v1/jobs", json: ["model": .string(String(long.prefix(1500)))])
            #expect(json.status == 413)
            #expect(json.json["detail"]?.string?.contains("1024") == true)
        }
    }

    @Test func `a body that is broken is malformed`() async throws {
        try await withServer { world in
            let type = ("Content-Type", "application/json")
            for body in ["{", "", "[]", "{\"a\":1,\"a\":2}", "\u{0}"] where !body.isEmpty {
                let reply = try await world.request("POST", "/v1/jobs", [type], body: Array(body.utf8))
                #expect(reply.status == 400, "\(body)")
                #expect(reply.code == "malformed_request")
            }
            let form = ServerForm().file("model", "net.onnx", "m").bytes
            let cut = try await world.request(
                "POST", "/v1/jobs", [("Content-Type", ServerForm.contentType)], body: Array(form.dropLast(10)))
            #expect(cut.status == 400)
            let missing = try await world.request(
                "POST", "/v1/jobs", [("Content-Type", "multipart/form-data")], body: form)
            #expect(missing.status == 400)
        }
    }

    @Test func `what never became a request is a problem as well`() async throws {
        try await withServer { world in
            let reply = try await world.request("/" + String(repeating: "x", count: 9000))
            #expect(reply.status == 414)
            #expect(reply.headers["content-type"] == "application/problem+json")
            #expect(reply.json["status"] == 414)
            #expect(reply.json["request_id"]?.string == reply.headers["x-request-id"])
            #expect(reply.json["error"]?["message"]?.string != nil)
        }
    }
}
