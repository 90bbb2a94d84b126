import Testing

@testable import JobContract
@testable import Service

/// The health routes and the index.
struct ServerHealthTests {
    @Test func `it says that it lives and that it is ready`() async throws {
        try await withServer { world in
            let live = try await world.request("/livez")
            #expect(live.status == 200)
            #expect(live.json["status"] == "ok")
            #expect(live.headers["cache-control"] == "no-store")
            let ready = try await world.request("/readyz")
            #expect(ready.status == 200)
            #expect(ready.json["jobs_running"] == 0)
            try await world.isHalfDone(try await world.submit(seed: 7))
            _ = try await world.submit()
            let busy = try await world.request("/readyz").json
            #expect(busy["jobs_running"] == 1)
            #expect(busy["jobs_queued"] == 1)
        }
    }

    @Test func `it says what it is and what it can do`() async throws {
        try await withServer(["queue_limit": "5"]) { world in
            let version = try await world.request("/version").json
            #expect(version["name"] == "layercollapse")
            #expect(version["version"] == .string(Version.number))
            let capabilities = try await world.request("/v1/capabilities").json
            #expect(capabilities["version"] == version["version"])
            #expect(capabilities["limits"]?["queued_jobs"] == 5)
            #expect(capabilities["threads"]?.int != nil)
            #expect(capabilities["opsets"]?["minimum"]?.int != nil)
            #expect(capabilities["methods"]?.array?.contains("ridge") == true)
        }
    }

    @Test func `it shows a newcomer the way`() async throws {
        try await withServer { world in
            let index = try await world.request("/").json
            #expect(index["routes"]?.array?.contains("POST /v1/jobs") == true)
            #expect(index["example"]?.string?.hasSuffix("http://localhost/v1/jobs") == true)
        }
    }
}
