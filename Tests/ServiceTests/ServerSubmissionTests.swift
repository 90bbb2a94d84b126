import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// `POST /v1/jobs` in both of its forms, and the requests that it rejects.
struct ServerSubmissionTests {
    private static let members = [
        "id", "object", "status", "phase", "created_at", "started_at", "finished_at", "estimated_finish", "model",
        "training_file", "validation_file", "options", "seed", "metadata", "queue_position", "attempt", "progress",
        "result", "result_files", "fine_tuned_model", "error", "warnings", "urls", "usage",
    ]

    /// Submits a model alone.
    private func submitted(_ check: (ServerExchange.Reply, TestServer) async throws -> Void) async throws {
        try await withServer { world in
            try await check(try await world.post("/v1/jobs", ServerForm().file("model", "net.onnx", "bytes")), world)
        }
    }

    @Test func `a submission is accepted, with where to look and when`() async throws {
        try await submitted { reply, world in
            #expect(reply.status == 202)
            let id = try #require(reply.json["id"]?.string)
            #expect(id.hasPrefix("job_"))
            #expect(reply.headers["location"] == "/v1/jobs/\(id)")
            #expect(reply.headers["retry-after"] == "2")
            #expect(reply.headers["x-request-id"]?.hasPrefix("req_") == true)
            #expect(reply.headers["content-type"] == "application/json")
            #expect(reply.headers["etag"] != nil)
        }
    }

    @Test func `a model alone makes a job that succeeds`() async throws {
        try await submitted { reply, world in
            let id = try #require(reply.json["id"]?.string)
            #expect(try await world.ended(id)["status"] == "succeeded")
        }
    }

    @Test func `a job has every member, those that are not known yet as null`() async throws {
        try await submitted { reply, _ in
            let job = reply.json
            let names = job.object?.names ?? []
            for member in Self.members { #expect(names.contains(member), "\(member) is missing") }
            #expect(job["object"] == "job")
            #expect(job["status"] == "queued")
            #expect(job["model"]?.string?.hasPrefix("file_") == true)
            #expect(job["training_file"] == .null)
            #expect(job["created_at"]?.int != nil)
            #expect(job["seed"] == 0)
            #expect(job["metadata"] == [:])
        }
    }

    @Test func `a job names its routes and what it has used`() async throws {
        try await submitted { reply, _ in
            for name in ["self", "events", "watch", "cancel", "report", "model", "web"] {
                #expect(reply.json["urls"]?[name]?.string?.hasPrefix("/") == true, "\(name) is no address")
            }
            for name in ["queued_seconds", "running_seconds", "cpu_seconds", "peak_memory_bytes"] {
                #expect(reply.json["usage"]?[name] != nil, "\(name) is missing")
            }
        }
    }

    @Test func `the options of a job are all there, and those that depend on the data are settled`() async throws {
        try await withServer { world in
            let model = ServerForm().file("model", "net.onnx", "bytes")
            let alone = try await world.post("/v1/jobs", model).json
            #expect(alone["options"]?.object?.names == JobKind.compression.options.map(\.name))
            #expect(alone["options"]?["method"] == "merge")
            #expect(alone["options"]?["finetune"] == "self_distill")
            let trained = try await world.post("/v1/jobs", model.file("data", "x.npz", "data")).json
            #expect(trained["options"]?["method"] == "ridge")
            #expect(trained["training_file"]?.string?.hasPrefix("file_") == true)
        }
    }

    @Test func `an ended job tells its result, its warnings and where its files are`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            let job = try await world.ended(id)
            #expect(job["result"]?["compression_ratio"] == 2)
            #expect(job["fine_tuned_model"] == .string("/v1/jobs/\(id)/model"))
            #expect(job["result_files"] == [.string("/v1/jobs/\(id)/model"), .string("/v1/jobs/\(id)/report.json")])
            #expect(job["error"] == .null)
            #expect(job["warnings"] == [["code": "fixed_batch", "message": "batch is fixed"]])
            #expect(job["progress"]?["fraction"] == 0.5)
            #expect(job["finished_at"]?.int != nil)
            #expect(job["estimated_finish"] == .null)
        }
    }

    @Test func `a model may come in several parts, with data and validation data beside it`() async throws {
        try await withServer { world in
            let form = ServerForm().file("model", "net.onnx.data", "weights").file("model", "net.onnx", "graph")
                .file("data", "train.npz", "t").file("validation_data", "valid.npz", "v")
            let job = try await world.post("/v1/jobs", form).json
            let file = try await world.request("/v1/files/\(job["model"]?.string ?? "")").json
            #expect(file["parts"]?.array?.compactMap { $0["filename"]?.string } == ["net.onnx.data", "net.onnx"])
            let id = try #require(job["id"]?.string)
            let manifest = try #require(JobFolder("\(world.folder.path)/data/jobs/\(id)").manifest())
            #expect(manifest.modelFiles == ["net.onnx", "net.onnx.data"])
            #expect(manifest.dataFile == "train.npz")
            #expect(manifest.validationFile == "valid.npz")
        }
    }

    @Test func `options come as fields, as a configuration, or both, and the fields win`() async throws {
        try await withServer { world in
            let form = ServerForm().file("model", "net.onnx", "m")
                .file("config", "config.json", #"{"seed":3,"max_metric_drop":0.5,"metadata":{"team":"a"}}"#)
                .field("max_metric_drop", "0.01").field("include", "encoder.*").field("include", "decoder.*")
                .field("shuffle", "false")
            let reply = try await world.post("/v1/jobs", form)
            #expect(reply.status == 202, "\(reply.text)")
            let options = reply.json["options"]
            #expect(options?["seed"] == 3)
            #expect(options?["max_metric_drop"] == 0.01)
            #expect(options?["include"] == ["encoder.*", "decoder.*"])
            #expect(options?["shuffle"] == false)
            #expect(reply.json["metadata"] == ["team": "a"])
            #expect(reply.json["seed"] == 3)
        }
    }

    @Test(arguments: [#"{"team":"a"}"#, "team=a"])
    func `labels come as JSON or as pairs`(text: String) async throws {
        try await withServer { world in
            let form = ServerForm().file("model", "net.onnx", "m").field("metadata", text)
            let job = try await world.post("/v1/jobs", form).json
            #expect(job["metadata"] == ["team": "a"])
        }
    }

    @Test func `files that were stored before are named by their ids`() async throws {
        try await withServer { world in
            let model = try await world.post("/v1/files", ServerForm().file("file", "net.onnx", "m")).json["id"]
            let data = try await world.post("/v1/files", ServerForm().file("file", "x.npz", "d")).json["id"]
            let body: JSONValue = [
                "model": model ?? .null, "training_file": data ?? .null, "validation_file": nil, "method": "merge",
            ]
            let reply = try await world.post("/v1/jobs", json: body)
            #expect(reply.status == 202)
            #expect(reply.json["model"] == model)
            #expect(reply.json["training_file"] == data)
            #expect(reply.json["options"]?["method"] == "merge")
            let form = ServerForm().field("model", model?.string ?? "").file("data", "x.npz", "d")
            #expect(try await world.post("/v1/jobs", form).json["model"] == model)
        }
    }

    @Test func `OpenAI's path takes the same job`() async throws {
        try await withServer { world in
            let model = try await world.post("/v1/files", ServerForm().file("file", "net.onnx", "m")).json["id"]
            let job = try await world.post("/v1/fine_tuning/jobs", json: ["model": model ?? .null]).json
            let id = try #require(job["id"]?.string)
            #expect(try await world.request("/v1/fine_tuning/jobs/\(id)").json["id"] == .string(id))
            let list = try await world.request("/v1/fine_tuning/jobs").json
            #expect(list["data"]?.array?.first?["id"] == .string(id))
            #expect(try await world.ended(id)["status"] == "succeeded")
            let events = try await world.request("/v1/fine_tuning/jobs/\(id)/events").json
            #expect(events["data"]?.array?.first?["object"] == "job.event")
        }
    }

    /// A form, and the problem it is rejected with.
    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var form: ServerForm
        var status: Int
        var code: String
        var hint: String?
    }

    private static let model = ServerForm().file("model", "net.onnx", "m")
    private static let refusals = [
        Refusal(
            testDescription: "a misspelt option", form: model.field("max_metric_dorp", "0.1"), status: 422,
            code: "unknown_option", hint: "did you mean 'max_metric_drop'?"),
        Refusal(
            testDescription: "a misspelt file", form: model.file("dat", "x.npz", "d"), status: 422,
            code: "unknown_option", hint: "did you mean 'data'?"),
        Refusal(
            testDescription: "a misspelt member of the configuration", form: model.field("config", #"{"epoch":1}"#),
            status: 422, code: "unknown_option", hint: "did you mean 'epochs'?"),
        Refusal(
            testDescription: "an option as a file", form: model.file("training_file", "x.npz", "d"), status: 422,
            code: "invalid_option", hint: "files are sent as 'model', 'data', 'validation_data'"),
        Refusal(
            testDescription: "a model as text", form: ServerForm().field("model", "net.onnx"), status: 422,
            code: "invalid_option", hint: "send it as a file: -F model=@FILE"),
        Refusal(
            testDescription: "data as text", form: model.field("data", "x.npz"), status: 422, code: "invalid_option",
            hint: "send it as a file: -F data=@FILE"),
        Refusal(
            testDescription: "no model", form: ServerForm().field("seed", "1"), status: 422, code: "missing_field",
            hint: #"-F model=@model.onnx, or "model": "file_...""#),
        Refusal(
            testDescription: "a pickle", form: ServerForm().file("model", "net.pt", "PK\u{3}\u{4}rest"), status: 415,
            code: "pickle_rejected", hint: "a model is an .onnx file, data are an .npz, .npy, .csv or .safetensors file"
        ),
        Refusal(
            testDescription: "a value out of range", form: model.field("max_metric_drop", "7"), status: 422,
            code: "invalid_option", hint: nil),
        Refusal(
            testDescription: "two data files", form: model.file("data", "a.npz", "d").file("data", "b.npz", "d"),
            status: 422, code: "invalid_option", hint: nil),
        Refusal(
            testDescription: "a file name that is a folder", form: ServerForm().file("model", "..", "m"), status: 422,
            code: "invalid_option", hint: nil),
        Refusal(
            testDescription: "labels that are none", form: model.field("metadata", "{"), status: 422,
            code: "invalid_option", hint: nil),
        Refusal(
            testDescription: "a file that is not there", form: ServerForm().field("model", "file_0"), status: 404,
            code: "not_found", hint: nil),
    ]

    @Test(arguments: refusals)
    func `a form that is wrong is refused, with the reason and what to do`(refusal: Refusal) async throws {
        try await withServer { world in
            let reply = try await world.post("/v1/jobs", refusal.form)
            #expect(reply.status == refusal.status)
            #expect(reply.code == refusal.code)
            #expect(reply.hint == refusal.hint)
            #expect(reply.headers["content-type"] == "application/problem+json")
            #expect(try await world.request("/v1/jobs").json["data"] == [])
            #expect(try await world.request("/v1/files").json["data"] == [])
        }
    }

    @Test func `a pickle is refused in the words of the interface`() async throws {
        try await withServer { world in
            let reply = try await world.post("/v1/jobs", ServerForm().file("model", "net.pt", "PK\u{3}\u{4}rest"))
            #expect(reply.json["detail"] == "pickle files can run code; export with torch.onnx.export")
            // Stored as data, where a zip is an .npz, it is no model either.
            let stored = try await world.post("/v1/files", ServerForm().file("file", "net.pt", "PK\u{3}\u{4}rest"))
            let job = try await world.post("/v1/jobs", json: ["model": stored.json["id"] ?? .null])
            #expect(job.code == "pickle_rejected")
        }
    }

    @Test func `JSON that is wrong is refused, with the nearest name`() async throws {
        try await withServer { world in
            let misspelt = try await world.post("/v1/jobs", json: ["modle": "file_1"])
            #expect(misspelt.code == "unknown_option")
            #expect(misspelt.hint == "did you mean 'model'?")
            #expect(try await world.post("/v1/jobs", json: ["data": "x"]).hint == "did you mean 'training_file'?")
            #expect(try await world.post("/v1/jobs", json: ["model": 7]).code == "invalid_option")
            #expect(try await world.post("/v1/jobs", json: [1]).code == "malformed_request")
            let foreign = try await world.post("/v1/jobs", json: ["model": "file_01"])
            #expect(foreign.status == 404)
            #expect(foreign.json["error"]?["param"] == "model")
        }
    }

    @Test func `a body of another kind is refused with the kinds that are taken`() async throws {
        try await withServer { world in
            for type in ["application/x-www-form-urlencoded", "text/plain"] {
                let reply = try await world.request(
                    "POST", "/v1/jobs", [("Content-Type", type)], body: Array("model=x".utf8))
                #expect(reply.status == 415)
                #expect(reply.headers["accept"] == "multipart/form-data, application/json")
            }
            #expect(try await world.request("POST", "/v1/jobs").status == 415)
        }
    }
}
