import Testing

@testable import JobContract
@testable import Service

/// One job: waiting, cancelling, repeating and deleting.
struct ServerJobTests {
    @Test(arguments: [("?wait=30", nil), ("", "wait=30"), ("", "respond-async, wait=30")])
    func `a wait ends with the next status or phase`(query: String, preference: String?) async throws {
        try await withServer { world in
            let id = try await world.submit()
            var seen: [String] = []
            var status = ""
            while !["succeeded", "failed"].contains(status) {
                let headers = preference.map { [("Prefer", $0)] } ?? []
                let reply = try await world.request("/v1/jobs/\(id)\(query)", headers)
                #expect(reply.status == 200)
                #expect(reply.headers["preference-applied"] == (preference == nil ? nil : "wait"))
                status = reply.json["status"]?.string ?? "failed"
                #expect((reply.headers["retry-after"] == nil) == ["succeeded", "failed"].contains(status))
                seen.append(status)
            }
            #expect(seen.last == "succeeded")
        }
    }

    @Test(arguments: ["wait=61", "wait=-1", "wait=x"])
    func `a wait that is too long is refused`(query: String) async throws {
        try await withServer { world in
            let id = try await world.submit()
            #expect(try await world.request("/v1/jobs/\(id)?\(query)").status == 400)
        }
    }

    @Test func `whoever knows the state of a job is told that nothing changed`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            _ = try await world.ended(id)
            let tag = try #require(try await world.request("/v1/jobs/\(id)").headers["etag"])
            for known in [tag, "\"x\", \(tag)", "W/\(tag)", "*"] {
                let reply = try await world.request("/v1/jobs/\(id)", [("If-None-Match", known)])
                #expect(reply.status == 304, "\(known)")
                #expect(reply.body.isEmpty)
                #expect(reply.headers["etag"] == tag)
            }
            #expect(try await world.request("/v1/jobs/\(id)", [("If-None-Match", "\"x\"")]).status == 200)
        }
    }

    @Test func `a waiting job is cancelled at once, and the place in the queue is told`() async throws {
        try await withServer { world in
            let running = try await world.submit(seed: 7)
            try await world.isHalfDone(running)
            let waiting = try await world.submit()
            let next = try await world.submit()
            #expect(try await world.request("/v1/jobs/\(waiting)").json["queue_position"] == 1)
            #expect(try await world.request("/v1/jobs/\(next)").json["queue_position"] == 2)
            let reply = try await world.request("POST", "/v1/jobs/\(waiting)/cancel")
            #expect(reply.status == 200)
            #expect(reply.json["status"] == "cancelled")
            #expect(try await world.request("/v1/jobs/\(next)").json["queue_position"] == 1)
        }
    }

    @Test func `a running job is cancelled, and then no more`() async throws {
        try await withServer { world in
            let id = try await world.submit(seed: 7)
            try await world.isHalfDone(id)
            let job = try await world.request("/v1/jobs/\(id)").json
            #expect(job["status"] == "running")
            #expect(job["phase"] == "search")
            #expect(job["started_at"]?.int != nil)
            #expect(job["estimated_finish"]?.int != nil)
            #expect(job["attempt"] == 1)
            let reply = try await world.request("POST", "/v1/jobs/\(id)/cancel")
            #expect(reply.status == 200)
            #expect(reply.json["cancel_requested"] == true)
            #expect(try await world.ended(id)["status"] == "cancelled")
            let again = try await world.request("POST", "/v1/jobs/\(id)/cancel")
            #expect(again.status == 409)
            #expect(again.code == "job_not_cancellable")
            #expect(again.headers["x-should-retry"] == "false")
            let model = try await world.request("/v1/jobs/\(id)/model")
            #expect(model.status == 409)
            #expect(model.code == "job_not_succeeded")
        }
    }

    @Test func `only a running job is finished`() async throws {
        try await withServer { world in
            let running = try await world.submit(seed: 7)
            try await world.isHalfDone(running)
            let waiting = try await world.submit()
            let early = try await world.request("POST", "/v1/jobs/\(waiting)/finish")
            #expect(early.status == 409)
            #expect(early.code == "job_not_finishable")
            #expect(early.hint == "cancel it, or ask again when it runs")
            let reply = try await world.request("POST", "/v1/jobs/\(running)/finish")
            #expect(reply.status == 200)
            #expect(reply.json["finish_requested"] == true && reply.json["cancel_requested"] == false)
            let events = try await world.request("/v1/jobs/\(running)/events?limit=100").json["data"]?.array ?? []
            #expect(events.contains { $0["message"] == "asked to finish with the best point so far" })
            _ = try await world.request("POST", "/v1/jobs/\(running)/cancel")
            #expect(try await world.ended(running)["status"] == "cancelled")
            let late = try await world.request("POST", "/v1/jobs/\(running)/finish")
            #expect(late.status == 409 && late.code == "job_not_finishable" && late.hint == nil)
            #expect(try await world.request("POST", "/v1/jobs/job_0/finish").status == 404)
        }
    }

    @Test func `a job is repeated, with what the body changes`() async throws {
        try await withServer { world in
            let id = try await world.submit(seed: 8, [("max_layers", "2"), ("metadata", #"{"team":"a"}"#)])
            #expect(try await world.ended(id)["status"] == "failed")
            let reply = try await world.post("/v1/jobs/\(id)/duplicate", json: ["seed": 1, "method": "merge"])
            #expect(reply.status == 202)
            let copy = reply.json
            let copied = try #require(copy["id"]?.string)
            #expect(copied != id)
            #expect(reply.headers["location"] == "/v1/jobs/\(copied)")
            #expect(copy["options"]?["max_layers"] == 2)
            #expect(copy["options"]?["method"] == "merge")
            #expect(copy["metadata"] == ["team": "a"])
            #expect(try await world.ended(copied)["status"] == "succeeded")
            let same = try await world.request("POST", "/v1/jobs/\(id)/duplicate")
            #expect(same.status == 202)
            #expect(same.json["seed"] == 8)
            #expect(try await world.post("/v1/jobs/\(id)/duplicate", json: ["sed": 1]).hint == "did you mean 'seed'?")
            #expect(try await world.request("POST", "/v1/jobs/job_0/duplicate").status == 404)
        }
    }

    @Test func `a job is forgotten once it has ended, and not before`() async throws {
        try await withServer { world in
            let running = try await world.submit(seed: 7)
            try await world.isHalfDone(running)
            let refused = try await world.request("DELETE", "/v1/jobs/\(running)")
            #expect(refused.status == 409)
            #expect(refused.code == "job_not_deletable")
            #expect(refused.hint == "cancel it first")
            _ = try await world.request("POST", "/v1/jobs/\(running)/cancel")
            _ = try await world.ended(running)
            let reply = try await world.request("DELETE", "/v1/jobs/\(running)")
            #expect(reply.json == ["id": .string(running), "object": "job", "deleted": true])
            for path in ["", "/events", "/model", "/report", "/watch", "/metrics"] {
                #expect(try await world.request("/v1/jobs/\(running)\(path)").status == 404)
            }
            #expect(try await world.request("DELETE", "/v1/jobs/\(running)").status == 404)
        }
    }
}
