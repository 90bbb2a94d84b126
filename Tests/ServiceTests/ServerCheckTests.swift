import Foundation
import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// `POST /v1/checks`: its files and options, its folder and its reports.
struct ServerCheckTests {
    private let form = ServerForm().file("old", "net.onnx", "old bytes").file("new", "net.onnx", "new bytes")
        .file("data", "x.npz", "data")

    @Test func `a check is a job with both files in its folder`() async throws {
        try await withServer { world in
            let reply = try await world.post("/v1/checks", form.field("max_slowdown", "1.5"))
            #expect(reply.status == 202, "\(reply.text)")
            let id = try #require(reply.json["id"]?.string)
            #expect(reply.headers["location"] == "/v1/jobs/\(id)")
            let job = try await world.ended(id)
            #expect(job["status"] == "succeeded")
            #expect(job["kind"] == "check")
            #expect(job["new"]?.string?.hasPrefix("file_") == true)
            #expect(job["new"] != job["model"])
            #expect(job["options"]?.object?.names == JobKind.check.options.map(\.name))
            #expect(job["options"]?["max_slowdown"] == 1.5)
            #expect(job["fine_tuned_model"] == .null)
            #expect(job["urls"]?["model"] == .null)
            #expect(
                job["result_files"] == [.string("/v1/jobs/\(id)/report.json"), .string("/v1/jobs/\(id)/report.xml")])
            let folder = JobFolder("\(world.folder.path)/data/jobs/\(id)")
            let manifest = try #require(folder.manifest())
            #expect(manifest.kind == .check)
            #expect(manifest.newFiles == ["net.onnx"])
            let texts = try [folder.model, folder.newModel].map {
                try String(contentsOfFile: $0 + "/net.onnx", encoding: .utf8)
            }
            #expect(texts == ["old bytes", "new bytes"])
            let report = try await world.request("/v1/jobs/\(id)/report.xml")
            #expect(report.status == 200)
            #expect(report.headers["content-type"] == "application/xml")
            #expect(report.text.contains("<testsuites"))
            #expect(try await world.request("/v1/jobs/\(id)/model").status == 404)
        }
    }

    @Test(arguments: ["old", "new", "data"])
    func `a check without one of its files is refused`(missing: String) async throws {
        try await withServer { world in
            var form = ServerForm()
            for name in ["old", "new", "data"] where name != missing { form = form.file(name, "f.onnx", "bytes") }
            let reply = try await world.post("/v1/checks", form)
            #expect(reply.status == 422)
            #expect(reply.json["code"] == "missing_field")
            #expect(reply.json["error"]?["param"] == .string(missing))
        }
    }

    @Test(arguments: ["method", "model", "validation_data", "threshold"])
    func `what belongs to a compression is no field of a check`(name: String) async throws {
        try await withServer { world in
            let reply = try await world.post("/v1/checks", form.field(name, "ridge"))
            #expect(reply.status == 422)
            #expect(reply.json["code"] == "unknown_option")
        }
    }

    @Test func `a compression has neither a new model nor a limit on latency`() async throws {
        try await withServer { world in
            for form in [
                ServerForm().file("model", "net.onnx", "bytes").field("max_slowdown", "1.1"),
                ServerForm().file("model", "net.onnx", "bytes").file("new", "net.onnx", "bytes"),
            ] {
                let reply = try await world.post("/v1/jobs", form)
                #expect(reply.json["code"] == "unknown_option")
            }
            let id = try await world.submit()
            let job = try await world.ended(id)
            #expect(job["kind"] == "compression")
            #expect(job["new"] == .null)
            #expect(try await world.request("/v1/jobs/\(id)/report.xml").status == 404)
        }
    }

    @Test func `stored files are checked by their ids, and a check is done again with other limits`() async throws {
        try await withServer { world in
            let first = try await world.ended(
                try #require(try await world.post("/v1/checks", form).json["id"]?.string))
            let ids: JSONValue = [
                "old": first["model"] ?? .null, "new": first["new"] ?? .null, "data": first["training_file"] ?? .null,
            ]
            let second = try await world.post("/v1/checks", json: ids)
            #expect(second.status == 202, "\(second.text)")
            #expect(second.json["new"] == first["new"])
            let id = try #require(first["id"]?.string)
            let third = try await world.post("/v1/jobs/\(id)/duplicate", json: ["max_disagreement": 0.5])
            #expect(third.status == 202, "\(third.text)")
            #expect(third.json["kind"] == "check")
            #expect(third.json["options"]?["max_disagreement"] == 0.5)
        }
    }
}
