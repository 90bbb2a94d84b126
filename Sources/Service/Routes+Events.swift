import HTTPTypes
import Jobs

extension Routes {
    /// Between two signs of life on a stream with nothing to say.
    private static let heartbeat = Duration.seconds(15)
    private static let pageLimit = 100

    /// The history of a job: a list, or a stream for whoever accepts one.
    func listEvents(_ call: Call) async throws -> Answer {
        let job = try await job(call)
        let after = try call.lastEvent()
        let accepted = call.headers[.accept] ?? ""
        if accepted.contains("text/event-stream") {
            if job.status.isFinal, after >= job.lastEventID { return Answer(status: 204, body: .none) }
            return stream(
                job.id, after: after, type: "text/event-stream", opening: "retry: 2000\n\n", silence: ": \n\n"
            ) {
                $0.streamText
            }
        }
        if accepted.contains("application/x-ndjson") {
            if job.status.isFinal, after >= job.lastEventID { return Answer(status: 204, body: .none) }
            return stream(job.id, after: after, type: "application/x-ndjson", silence: "\n") {
                $0.document.text() + "\n"
            }
        }
        let limit = try call.query.count("limit", standard: 20, in: 1...100)
        let page = try await store.perform { store throws(JobsError) in
            try store.events(of: job.id, after: after, limit: limit)
        }
        let documents = page.elements.map { EventView(event: $0).document }
        return .json(ListView(elements: documents, hasMore: page.hasMore).document)
    }

    /// The same as lines of text, as a terminal shows them.
    func watchJob(_ call: Call) async throws -> Answer {
        let job = try await job(call)
        return stream(job.id, after: try call.lastEvent(), type: "text/plain; charset=utf-8", silence: "") { view in
            switch view.event.type {
            case "status", "phase", "progress", "metrics", "layer", "log": "\(view.event.message)\n"
            case "warning": "warning: \(view.event.message)\n"
            // The event says that the job failed, and its data why.
            case "error": "error: \(JSONValue(stored: view.event.data)["message"]?.string ?? view.event.message)\n"
            default: ""
            }
        }
    }

    private func stream(
        _ id: String, after: Int, type: String, opening: String = "", silence: String,
        write line: @escaping @Sendable (EventView) -> String
    ) -> Answer {
        let body: @Sendable (Answer.Write) async throws -> Void = { write in
            var after = after
            if !opening.isEmpty { try await write(opening) }
            while !isStopping() {
                let known = after
                let (job, page) = try await store.perform { store throws(JobsError) in
                    (try store.find(id), try store.events(of: id, after: known, limit: Self.pageLimit))
                }
                for event in page.elements {
                    let final = event.type == "done" ? try await view(job).document : nil
                    let text = line(EventView(event: event, data: final))
                    if !text.isEmpty { try await write(text) }
                    after = event.id
                    if event.type == "done" { return }
                }
                if page.hasMore { continue }
                if job.status.isFinal { return }
                let deadline = ContinuousClock.now + Self.heartbeat
                await store.waitForChange(of: id, since: job.revision, until: deadline, unless: isStopping)
                if ContinuousClock.now >= deadline, !silence.isEmpty { try await write(silence) }
            }
        }
        return Answer(body: .stream(type: type, body))
            .with(.cacheControl, "no-store")
    }

    func metrics(_ call: Call) async throws -> Answer {
        .json(ListView(elements: try await rows(call).map(JSONValue.object), hasMore: false).document)
    }

    /// What every step has, in this order; what only some have, such as slopes, follows as it first occurs.
    private static let columns = ["step", "epoch", "phase", "train_loss", "valid_loss", "metric", "lr"]

    func metricsTable(_ call: Call) async throws -> Answer {
        let rows = try await rows(call)
        var columns = Self.columns
        for name in rows.flatMap(\.names) where !columns.contains(name) { columns.append(name) }
        let lines = rows.map { row in columns.map { Self.cell(row[$0]) }.joined(separator: ",") }
        let text = ([columns.map { Self.quoted($0) }.joined(separator: ",")] + lines).joined(separator: "\r\n") + "\r\n"
        return .text(text, type: "text/csv; charset=utf-8")
    }

    private func rows(_ call: Call) async throws -> [JSONValue.Object] {
        let id = try await job(call).id
        let events = try await store.perform { store throws(JobsError) in
            try store.events(of: id, type: "metrics", limit: 100_000)
        }
        // A process that goes on from a checkpoint takes the steps after it once more, to the same numbers.
        var known: Set<JSONValue.Object> = []
        return events.compactMap { JSONValue(stored: $0.data).object }.filter { known.insert($0).inserted }
    }

    private static func cell(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null: ""
        case .string(let text): quoted(text)
        case .some(let value): quoted(value.text())
        }
    }

    /// RFC 4180 §2: quotes around whatever holds a comma, a quote or the end of a line.
    private static func quoted(_ text: String) -> String {
        let needsQuotes = text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
        return needsQuotes
            ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
            : text
    }
}
