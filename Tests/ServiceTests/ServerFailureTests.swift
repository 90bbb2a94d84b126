import Foundation
import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// Failing jobs, a full queue, and a restarted server.
struct ServerFailureTests {
    @Test func `a job that fails says why`() async throws {
        try await withServer { world in
            let job = try await world.ended(try await world.submit(seed: 8))
            #expect(job["status"] == "failed")
            #expect(job["error"]?["code"] == "nan_in_data")
            #expect(job["error"]?["message"] == "x has NaN")
            #expect(job["result"] == .null)
            #expect(job["result_files"] == [])
            #expect(job["fine_tuned_model"] == .null)
            #expect(job["finished_at"]?.int != nil)
            let model = try await world.request("/v1/jobs/\(job["id"]?.string ?? "")/model")
            #expect(model.status == 409)
            #expect(model.code == "job_not_succeeded")
            #expect(model.headers["x-should-retry"] == "false")
        }
    }

    @Test func `a job whose process dies is tried as often as it may be`() async throws {
        try await withServer(["job_attempts": "2"]) { world in
            let id = try await world.submit(seed: 9)
            let job = try await world.ended(id)
            #expect(job["status"] == "failed")
            #expect(job["attempt"] == 2)
            #expect(job["error"]?["code"] == "worker_crashed")
            #expect(job["error"]?["message"]?.string?.isEmpty == false)
            let watch = try await world.request("/v1/jobs/\(id)/watch").text
            #expect(watch.contains("starts again"))
        }
    }

    @Test func `a job that passes its deadline is ended`() async throws {
        try await withServer { world in
            let job = try await world.ended(try await world.submit(seed: 7, [("deadline_seconds", "1")]))
            #expect(job["status"] == "failed")
            #expect(job["error"]?["code"] == "deadline_exceeded")
        }
    }

    @Test func `a queue that is full takes no more, until there is room`() async throws {
        try await withServer(["queue_limit": "1"]) { world in
            let running = try await world.submit(seed: 7)
            try await world.isHalfDone(running)
            let form = ServerForm().file("model", "net.onnx", "m")
            let waiting = try await world.post("/v1/jobs/mine", form, method: "PUT")
            #expect(waiting.status == 202)
            for reply in [
                try await world.post("/v1/jobs", form), try await world.post("/v1/jobs/other", form, method: "PUT"),
                try await world.request("POST", "/v1/jobs/\(running)/duplicate"),
            ] {
                #expect(reply.status == 429)
                #expect(reply.code == "queue_full")
                #expect(reply.headers["retry-after"] == "30")
            }
            // Asking again for a job that is in the queue adds none to it.
            #expect(try await world.post("/v1/jobs/mine", form, method: "PUT").status == 200)
            _ = try await world.request("POST", "/v1/jobs/\(running)/cancel")
            _ = try await world.ended(waiting.json["id"]?.string ?? "")
            #expect(try await world.post("/v1/jobs", form).status == 202)
        }
    }

    @Test func `whoever waits for a job is let go when the service stops`() async throws {
        let (began, begins) = AsyncStream.makeStream(of: Void.self)
        try await withServer { world in
            try await world.isHalfDone(try await world.submit(seed: 7))
            let waiting = try await world.submit()
            async let watch = world.request("GET", "/v1/jobs/\(waiting)/watch") { _ in
                begins.yield()
                return false
            }
            for await _ in began { break }
            await world.application.stop()
            let reply = try await watch
            #expect(reply.isComplete)
            #expect(reply.text == "queued\n")
        }
    }

    @Test func `what ended stays, and what ran runs again, when the service starts again`() async throws {
        let folder = try TemporaryFolder()
        var (done, running) = ("", "")
        var before = JSONValue.null
        try await withServer(in: folder) { world in
            done = try await world.submit()
            before = try await world.ended(done)
            running = try await world.submit(seed: 7)
            try await world.isHalfDone(running)
        }
        try await withServer(in: folder) { world in
            #expect(try await world.request("/v1/jobs/\(done)").json == before)
            #expect(try await world.request("/v1/jobs/\(done)/model").text == "a smaller model")
            let file = try await world.request("/v1/files/\(before["model"]?.string ?? "")/content")
            #expect(file.text == "a model")
            try await world.isHalfDone(running)
            let watch = try await world.request("GET", "/v1/jobs/\(running)/watch") {
                $0.components(separatedBy: "half").count == 3
            }
            #expect(watch.text.hasPrefix("queued\nrunning\nbaseline"))
            // The end of the service is no fault of the job.
            #expect(try await world.request("/v1/jobs/\(running)").json["attempt"] == 1)
            #expect(try await world.request("/v1/jobs").json["data"]?.array?.count == 2)
        }
    }
}
