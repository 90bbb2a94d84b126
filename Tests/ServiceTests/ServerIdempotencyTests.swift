import Testing

@testable import JobContract
@testable import Service

/// `PUT /v1/jobs/{client id}`: the same request twice is one job.
struct ServerIdempotencyTests {
    private static func form(_ model: String = "m") -> ServerForm { ServerForm().file("model", "net.onnx", model) }

    @Test func `the same body is the same job, and another body is refused`() async throws {
        try await withServer { world in
            let first = try await world.post("/v1/jobs/run-1", Self.form().field("seed", "4"), method: "PUT")
            #expect(first.status == 202)
            #expect(first.json["id"]?.string?.hasPrefix("job_") == true)
            let again = try await world.post("/v1/jobs/run-1", Self.form().field("seed", "4"), method: "PUT")
            #expect(again.status == 200)
            #expect(again.json["id"] == first.json["id"])
            #expect(again.headers["location"] == first.headers["location"])
            for other in [Self.form().field("seed", "5"), Self.form("n").field("seed", "4")] {
                let reply = try await world.post("/v1/jobs/run-1", other, method: "PUT")
                #expect(reply.status == 409)
                #expect(reply.code == "idempotency_key_reused")
                #expect(reply.headers["x-should-retry"] == "false")
            }
            #expect(try await world.request("/v1/jobs").json["data"]?.array?.count == 1)
        }
    }

    @Test func `the order of the options makes no other body, nor does a file that was stored before`() async throws {
        try await withServer { world in
            let first = try await world.post(
                "/v1/jobs/a", Self.form().field("seed", "4").field("order", "from_end"), method: "PUT")
            let again = try await world.post(
                "/v1/jobs/a", Self.form().field("order", "from_end").field("seed", "4"), method: "PUT")
            #expect(again.status == 200)
            let stored = ServerForm().field("model", first.json["model"]?.string ?? "").field("seed", "4")
                .field("order", "from_end")
            #expect(try await world.post("/v1/jobs/a", stored, method: "PUT").json["id"] == first.json["id"])
        }
    }

    @Test(arguments: ["a%20b", "%C3%A4", String(repeating: "x", count: 129)])
    func `an id that is no word is refused`(id: String) async throws {
        try await withServer { world in
            let reply = try await world.post("/v1/jobs/\(id)", Self.form(), method: "PUT")
            #expect(reply.status == 400)
        }
    }
}
