import Foundation
import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// Downloads of a job's model and reports.
struct ServerDownloadTests {
    /// The model written by the script of ``TestServer``, and its SHA-256 by `openssl dgst`.
    private static let model = "a smaller model"
    private static let digest = "eri1oRguFoQTuomoxwz9q4+pg3HvB5VHgmgqo03k4Dk="

    private func withModel(_ body: (TestServer, String, String) async throws -> Void) async throws {
        try await withServer { world in
            let id = try await world.submit()
            let job = try await world.ended(id)
            let digest = try #require(job["result"]?["digests"]?["model"]?.string)
            try await body(world, "/v1/jobs/\(id)/model", "\"\(digest)\"")
        }
    }

    @Test func `a model that is not there yet is asked for again`() async throws {
        try await withServer { world in
            let id = try await world.submit(seed: 7)
            for path in ["model", "report", "files/model.onnx"] {
                let reply = try await world.request("/v1/jobs/\(id)/\(path)")
                #expect(reply.status == 409)
                #expect(reply.code == "job_not_finished")
                #expect(reply.headers["retry-after"] == "2")
                #expect(reply.headers["x-should-retry"] == nil)
            }
        }
    }

    @Test func `a model comes with its name, its tag and its digest`() async throws {
        try await withModel { world, path, tag in
            let reply = try await world.request(path)
            #expect(reply.status == 200)
            #expect(reply.text == Self.model)
            #expect(reply.headers["content-disposition"] == #"attachment; filename="net.small.onnx""#)
            #expect(reply.headers["content-type"] == "application/octet-stream")
            #expect(reply.headers["accept-ranges"] == "bytes")
            #expect(reply.headers["etag"] == tag)
            #expect(reply.headers["repr-digest"] == "sha-256=:\(Self.digest):")
            let head = try await world.request("HEAD", path)
            #expect(head.status == 200)
            for name in ["content-length", "etag", "repr-digest", "content-disposition"] {
                #expect(head.headers[name] == reply.headers[name], "\(name)")
            }
            #expect(head.headers["content-length"] == "15")
        }
    }

    @Test func `a name that is not ASCII is sent in both of its forms`() async throws {
        try await withServer { world in
            let form = ServerForm().file("model", "größe 1.onnx", "m")
            let id = try #require(try await world.post("/v1/jobs", form).json["id"]?.string)
            _ = try await world.ended(id)
            let reply = try await world.request("/v1/jobs/\(id)/model")
            #expect(
                reply.headers["content-disposition"]
                    == "attachment; filename=\"gr__e 1.small.onnx\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%201.small.onnx")
        }
    }

    @Test func `a download goes on where it broke off`() async throws {
        try await withModel { world, path, tag in
            for (range, text, content) in [
                ("bytes=2-8", "smaller", "bytes 2-8/15"), ("bytes=10-", "model", "bytes 10-14/15"),
                ("bytes=-5", "model", "bytes 10-14/15"),
            ] {
                let reply = try await world.request(path, [("Range", range), ("If-Range", tag)])
                #expect(reply.status == 206)
                #expect(reply.text == text)
                #expect(reply.headers["content-range"] == content)
                #expect(reply.headers["etag"] == tag)
            }
            let changed = try await world.request(path, [("Range", "bytes=2-8"), ("If-Range", "\"other\"")])
            #expect(changed.status == 200)
            #expect(changed.text == Self.model)
            let beyond = try await world.request(path, [("Range", "bytes=15-")])
            #expect(beyond.status == 416)
            #expect(beyond.code == "range_not_satisfiable")
            #expect(beyond.headers["content-range"] == "bytes */15")
        }
    }

    @Test func `whoever has the model is not sent it again`() async throws {
        try await withModel { world, path, tag in
            for method in ["GET", "HEAD"] {
                let known = try await world.request(method, path, [("If-None-Match", tag)])
                #expect(known.status == 304)
                #expect(known.body.isEmpty)
                #expect(known.headers["etag"] == tag)
            }
            #expect(try await world.request(path, [("If-None-Match", "\"other\"")]).status == 200)
            #expect(try await world.request(path, [("If-Match", "\"other\"")]).status == 412)
            #expect(try await world.request(path, [("If-Match", tag)]).status == 200)
        }
    }

    @Test func `any file that a job wrote is there by its name, and no other`() async throws {
        try await withModel { world, path, _ in
            let files = path.dropLast("model".count) + "files/"
            let report = try await world.request(files + "report.md")
            #expect(report.text == "# report")
            // What is not whole yet has a name that begins with a dot.
            let output = JobFolder("\(world.folder.path)/data\(path.dropFirst(3).dropLast("/model".count))").output
            try "half".write(toFile: output + "/.part", atomically: false, encoding: .utf8)
            for name in [
                "..", "points", "points%2Fckpt_1", "job.json", "..%2Fjob.json", "%2e%2e", ".", ".part", "model.onnx%00",
            ] {
                #expect([400, 404].contains(try await world.request(files + name).status), "\(name)")
            }
        }
    }

    @Test(arguments: [
        ("report", nil, "application/json"), ("report.json", "text/markdown", "application/json"),
        ("report.md", nil, "text/markdown; charset=utf-8"), ("report", "text/markdown", "text/markdown; charset=utf-8"),
        ("report", "*/*", "application/json"),
    ])
    func `a report comes in the form that the path or the client names`(
        path: String, accepted: String?, type: String
    ) async throws {
        try await withServer { world in
            let id = try await world.submit()
            _ = try await world.ended(id)
            let reply = try await world.request("/v1/jobs/\(id)/\(path)", accepted.map { [("Accept", $0)] } ?? [])
            #expect(reply.status == 200)
            #expect(reply.headers["content-type"] == type)
            #expect(reply.headers["vary"] == "Accept")
            #expect(reply.text == (type == "application/json" ? #"{"result":{}}"# : "# report"))
            // The script writes none.
            #expect(try await world.request("/v1/jobs/\(id)/report.html").status == 404)
        }
    }
}
