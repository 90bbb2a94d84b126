import Testing

@testable import JobContract
@testable import Service

/// `POST /v1/plan`: the plan of a job, made by a plan process.
struct ServerPlanTests {
    @Test func `a plan has candidates, and the options that a job would have`() async throws {
        try await withServer { world in
            let form = ServerForm().file("model", "net.onnx", "m").file("data", "x.npz", "d").field("max_layers", "3")
            let reply = try await world.post("/v1/plan", form)
            #expect(reply.status == 200)
            #expect(reply.json["object"] == "plan")
            #expect(reply.json["candidates"] == [])
            #expect(reply.json["options"]?.object?.names == JobKind.compression.options.map(\.name))
            #expect(reply.json["options"]?["max_layers"] == 3)
            #expect(reply.json["options"]?["method"] == "ridge")
            #expect(try await world.request("/v1/jobs").json["data"] == [])
            #expect(try await world.request("/v1/files").json["data"] == [])
            let stored = try await world.post("/v1/files", ServerForm().file("file", "net.onnx", "m")).json
            let alone = try await world.post("/v1/plan", json: ["model": stored["id"] ?? .null])
            #expect(alone.status == 200)
            #expect(alone.json["options"]?["method"] == "merge")
        }
    }

    @Test func `a model that is none is told as the process told it`() async throws {
        try await withServer { world in
            let reply = try await world.post("/v1/plan", ServerForm().file("model", "net.onnx", "bad"))
            #expect(reply.status == 422)
            #expect(reply.headers["content-type"] == "application/problem+json")
            #expect(reply.code == "invalid_onnx")
            #expect(reply.json["detail"] == "byte 0: not ONNX")
            #expect(reply.hint == "export again")
        }
    }

    @Test func `a process that dies is the end of the plan and of nothing else`() async throws {
        try await withServer { world in
            let reply = try await world.post("/v1/plan", ServerForm().file("model", "net.onnx", "crash"))
            #expect(reply.status == 422)
            #expect(reply.code == "invalid_onnx")
            #expect(try await world.request("/readyz").status == 200)
        }
    }

    @Test func `a process that does not end is cut off`() async throws {
        try await withServer(["plan_timeout_seconds": "1"]) { world in
            let reply = try await world.post("/v1/plan", ServerForm().file("model", "net.onnx", "hang"))
            #expect(reply.status == 422)
            #expect(reply.code == "deadline_exceeded")
        }
    }

    @Test func `options are checked before anybody looks into the model`() async throws {
        try await withServer { world in
            let form = ServerForm().file("model", "net.onnx", "bad").field("method", "magic")
            let reply = try await world.post("/v1/plan", form)
            #expect(reply.code == "invalid_option")
            #expect(try await world.post("/v1/plan", ServerForm().field("seed", "1")).code == "missing_field")
        }
    }
}
