import Foundation
import Testing

@testable import JobContract
@testable import Service

/// The history of a job, as a list and as streams.
struct ServerEventTests {
    private static let types = [
        "status", "status", "phase", "metrics", "metrics", "warning", "progress", "status", "done",
    ]

    private static func numbers(_ stream: String) -> [Int] {
        stream.split(separator: "\n").filter { $0.hasPrefix("id: ") }.compactMap { Int($0.dropFirst(4)) }
    }

    @Test func `events are listed in their order, page by page`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            _ = try await world.ended(id)
            let list = try await world.request("/v1/jobs/\(id)/events").json
            let events = list["data"]?.array ?? []
            #expect(list["object"] == "list")
            #expect(list["has_more"] == false)
            #expect(events.compactMap { $0["type"]?.string } == Self.types)
            #expect(events.compactMap { $0["id"]?.string } == (1...Self.types.count).map { "evt_\($0)" })
            for event in events {
                #expect(
                    event.object?.names == ["id", "object", "created_at", "level", "type", "message", "data"])
                #expect(event["object"] == "job.event")
            }
            let page = try await world.request("/v1/jobs/\(id)/events?after=evt_3&limit=2").json
            #expect(page["first_id"] == "evt_4")
            #expect(page["last_id"] == "evt_5")
            #expect(page["has_more"] == true)
            #expect(try await world.request("/v1/jobs/\(id)/events?after=5").json["first_id"] == "evt_6")
            #expect(try await world.request("/v1/jobs/\(id)/events?after=evt_x").status == 400)
            #expect(try await world.request("/v1/jobs/\(id)/events?after=-1").status == 400)
        }
    }

    @Test func `a stream tells a job from its start to its end, which carries the job`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            let stream = try await world.request("/v1/jobs/\(id)/events", [("Accept", "text/event-stream")])
            #expect(stream.status == 200)
            #expect(stream.headers["content-type"] == "text/event-stream")
            #expect(stream.headers["cache-control"] == "no-store")
            #expect(stream.text.hasPrefix("retry: 2000\n"))
            #expect(Self.numbers(stream.text) == Array(1...Self.types.count))
            let last = stream.text.components(separatedBy: "\n\n").last { !$0.isEmpty } ?? ""
            let lines = last.components(separatedBy: "\n")
            #expect(lines.count == 3)
            #expect(lines[0] == "id: \(Self.types.count)")
            #expect(lines[1] == "event: done")
            let event = try JSONParser.parse(Array(lines[2].dropFirst("data: ".count).utf8))
            #expect(event["type"] == "done")
            #expect(event["data"]?["id"] == .string(id))
            #expect(event["data"]?["object"] == "job")
            #expect(event["data"]?["status"] == "succeeded")
            #expect(event["data"]?["result"]?["compression_ratio"] == 2)
        }
    }

    @Test func `a stream goes on after the last event that a client knows, and is over after the end`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            _ = try await world.ended(id)
            let path = "/v1/jobs/\(id)/events"
            let accept = ("Accept", "text/event-stream")
            let rest = try await world.request(path, [accept, ("Last-Event-ID", "7")])
            #expect(Self.numbers(rest.text) == [8, 9])
            // What the header says is newer than what the address was made with.
            let both = try await world.request(path + "?after=2", [accept, ("Last-Event-ID", "8")])
            #expect(Self.numbers(both.text) == [9])
            for type in ["text/event-stream", "application/x-ndjson"] {
                let over = try await world.request(path, [("Accept", type), ("Last-Event-ID", "9")])
                #expect(over.status == 204)
                #expect(over.body.isEmpty)
            }
        }
    }

    @Test func `a stream of a job that is cancelled under way ends with it`() async throws {
        try await withServer { world in
            let id = try await world.submit(seed: 7)
            async let stream = world.request("/v1/jobs/\(id)/events", [("Accept", "text/event-stream")])
            try await world.isHalfDone(id)
            _ = try await world.request("POST", "/v1/jobs/\(id)/cancel")
            let text = try await stream.text
            #expect(text.contains("event: done"))
            #expect(text.contains(#""status":"cancelled""#))
        }
    }

    @Test func `lines of JSON are the same events`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            let stream = try await world.request("/v1/jobs/\(id)/events", [("Accept", "application/x-ndjson")])
            #expect(stream.headers["content-type"] == "application/x-ndjson")
            let events = try stream.text.split(separator: "\n").map { try JSONParser.parse(Array($0.utf8)) }
            #expect(events.compactMap { $0["type"]?.string } == Self.types)
            #expect(events.last?["data"]?["status"] == "succeeded")
        }
    }

    @Test func `watching shows a line for each event`() async throws {
        try await withServer { world in
            let id = try await world.submit()
            let watch = try await world.request("/v1/jobs/\(id)/watch")
            #expect(watch.headers["content-type"] == "text/plain; charset=utf-8")
            #expect(
                watch.text.split(separator: "\n") == [
                    "queued", "running", "baseline", "step 1", "step 2", "warning: batch is fixed", "half", "succeeded",
                ])
        }
    }

    @Test func `a failure is an event before the end`() async throws {
        try await withServer { world in
            let id = try await world.submit(seed: 8)
            let watch = try await world.request("/v1/jobs/\(id)/watch").text
            #expect(watch.hasSuffix("error: x has NaN\nfailed\n"), "\(watch)")
        }
    }

    @Test func `a look at the head of a stream does not wait for it`() async throws {
        try await withServer { world in
            let id = try await world.submit(seed: 7)
            for path in ["events", "watch"] {
                let head = try await world.request(
                    "HEAD", "/v1/jobs/\(id)/\(path)", [("Accept", "text/event-stream")])
                #expect(head.status == 200)
            }
        }
    }
}
