import Testing

@testable import JobContract
@testable import Service

/// `GET /v1/jobs` and the list in its response.
struct ServerJobListTests {
    private static func ids(_ list: JSONValue) -> [String] {
        list["data"]?.array?.compactMap { $0["id"]?.string } ?? []
    }

    @Test func `a list without elements has every member`() async throws {
        try await withServer { world in
            let list = try await world.request("/v1/jobs").json
            #expect(list == ["object": "list", "data": [], "has_more": false, "first_id": nil, "last_id": nil])
        }
    }

    @Test func `pages follow each other from the newest job to the oldest`() async throws {
        try await withServer { world in
            var jobs: [String] = []
            for _ in 0..<3 { jobs.append(try await world.submit()) }
            let first = try await world.request("/v1/jobs?limit=2").json
            #expect(Self.ids(first) == [jobs[2], jobs[1]])
            #expect(first["has_more"] == true)
            #expect(first["first_id"] == .string(jobs[2]))
            #expect(first["last_id"] == .string(jobs[1]))
            let second = try await world.request("/v1/jobs?limit=2&after=\(jobs[1])").json
            #expect(Self.ids(second) == [jobs[0]])
            #expect(second["has_more"] == false)
        }
    }

    @Test func `jobs are filtered by status and by labels`() async throws {
        try await withServer { world in
            let labelled = try await world.submit([("metadata", #"{"team":"a","run":"1"}"#)])
            let other = try await world.submit(seed: 8, [("metadata", #"{"team":"b"}"#)])
            _ = try await world.ended(labelled)
            _ = try await world.ended(other)
            let lists = [
                "metadata[team]=a": [labelled], "metadata%5Bteam%5D=b": [other], "metadata[team]=c": [],
                "metadata[team]=a&metadata[run]=1": [labelled], "metadata[team]=b&metadata[run]=1": [],
                "status=succeeded": [labelled], "status=failed": [other], "status=running": [],
            ]
            for (query, jobs) in lists {
                let list = try await world.request("/v1/jobs?\(query)").json
                #expect(Self.ids(list) == jobs, "\(query)")
            }
        }
    }

    @Test(arguments: ["limit=0", "limit=101", "limit=+5", "limit=", "limit=x", "status=done"])
    func `a query that is wrong is refused`(query: String) async throws {
        try await withServer { world in
            let reply = try await world.request("/v1/jobs?\(query)")
            #expect(reply.status == 400)
            #expect(reply.code == "malformed_request")
        }
    }

    @Test func `a page after a job that is not there is not found`() async throws {
        try await withServer { world in
            let reply = try await world.request("/v1/jobs?after=job_0")
            #expect(reply.status == 404)
        }
    }
}
