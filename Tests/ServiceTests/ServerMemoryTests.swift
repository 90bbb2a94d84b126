import Jobs
import Options
import SystemCalls
import Testing

@testable import JobContract
@testable import Service

/// The memory limits of forms and JSON.
struct ServerMemoryTests {
    private func intake(_ budget: MemoryBudget = MemoryBudget(bytes: 16 << 20)) -> FormUploadReader {
        FormUploadReader(fileFields: [], textFields: ["config", "include"], memory: budget) { () throws(SystemError) in
            throw SystemError(call: "open", code: 28)
        }
    }

    /// Feeds fields of one size.
    private func feed(_ intake: FormUploadReader, fields: Int, bytes: Int) throws {
        let field = [UInt8](repeating: 0x61, count: bytes)
        for _ in 0..<fields {
            try intake.begin("include", fileName: nil)
            try intake.append(field.span)
            try intake.end()
        }
    }

    @Test func `the fields of a form have a limit together`() throws {
        let size = FormUploadReader.fieldBytes
        let whole = intake()
        try feed(whole, fields: FormUploadReader.formBytes / size, bytes: size)
        let problem = #expect(throws: Problem.self) { try feed(whole, fields: 1, bytes: 1) }
        #expect(problem?.code == .malformedRequest)
    }

    @Test func `all forms have a limit together, and give back what they took`() throws {
        let budget = MemoryBudget(bytes: 100_000)
        var first: FormUploadReader? = intake(budget)
        try feed(try #require(first), fields: 2, bytes: 50_000)
        let problem = #expect(throws: Problem.self) { try feed(intake(budget), fields: 1, bytes: 1) }
        #expect(problem?.code == .overloaded)
        #expect(problem?.code.status == 503)
        first = nil
        try feed(intake(budget), fields: 2, bytes: 50_000)
    }

    private static func labels(_ count: Int, name: Int = 1, value: Int = 1) -> JSONValue {
        .object(
            JSONValue.Object(
                (0..<count).map { number in
                    let start = String(number)
                    return (
                        start + String(repeating: "ä", count: max(0, name - start.count)),
                        .string(String(repeating: "ö", count: value))
                    )
                }))
    }

    @Test func `labels are few and short`() throws {
        let labels = Self.labels(16, name: 64, value: 512)
        #expect(try JobOptions(decoding: JSONValue.Object([("metadata", labels)])).metadata.members.count == 16)
        for labels in [Self.labels(17), Self.labels(1, name: 65), Self.labels(1, value: 513), Self.labels(65_000)] {
            #expect(throws: OptionError.self) { try JobOptions(decoding: JSONValue.Object([("metadata", labels)])) }
        }
    }

    @Test func `a job of many labels is refused`() async throws {
        try await withServer { world in
            let file = try await world.post("/v1/files", ServerForm().file("file", "net.onnx", "m")).json["id"]
            let labels = Self.labels(20_000)
            let reply = try await world.post("/v1/jobs", json: ["model": file ?? nil, "metadata": labels])
            #expect(reply.status == 422)
            #expect(reply.code == "invalid_option")
            #expect(!reply.text.contains("öö"))
        }
    }

    @Test func `labels are kept once, shown with the options and copied with the job`() async throws {
        try await withServer { world in
            let id = try await world.submit(seed: 0, [("metadata", "team=zebra")])
            let job = try await world.ended(id)
            #expect(job["metadata"] == ["team": "zebra"])
            #expect(job["options"]?["metadata"] == ["team": "zebra"])
            let stored = try world.application.responder.routes.store.find(id)
            #expect(!String(decoding: stored.payload, as: UTF8.self).contains("zebra"))
            let copy = try await world.request("POST", "/v1/jobs/\(id)/duplicate")
            #expect(copy.json["metadata"] == ["team": "zebra"])
            let found = try await world.request("/v1/jobs?metadata[team]=zebra").json["data"]?.array ?? []
            #expect(found.count == 2)
        }
    }
}
