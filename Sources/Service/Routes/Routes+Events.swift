import ByteText
import HTTPTypes
import JobContract
import Jobs

extension Routes {
    /// The time between heartbeats on an idle stream.
    private static let heartbeat = Duration.seconds(15)

    /// Sends the history of a job: a list, or a stream when the client accepts one.
    func listEvents(_ call: Call) async throws -> Answer {
        let job = try await job(call)
        let after = try call.lastEvent()
        let accepted = call.headers[.accept] ?? ""
        for form in [EventForm.events, .lines] where accepted.containsBytes(of: form.type) {
            if job.status.isFinal, after >= job.lastEventID { return Answer(status: 204, body: .none) }
            return stream(job.id, after: after, as: form)
        }
        let limit = try call.query.count("limit", default: 20, in: 1...100)
        let page = try await store.perform { store throws(JobsError) in
            try store.events(of: job.id, after: after, limit: limit)
        }
        let documents = page.elements.map { EventView(event: $0).document }
        return .json(ListView(elements: documents, hasMore: page.hasMore).document)
    }

    /// Streams the history of a job as lines of text for a terminal.
    func watchJob(_ call: Call) async throws -> Answer {
        stream(try await job(call).id, after: try call.lastEvent(), as: .text)
    }

    private func stream(_ id: String, after: Int, as form: EventForm) -> Answer {
        let body: @Sendable (Answer.Write) async throws -> Void = { write in
            let feed = store.feed(of: id)
            var (after, revision) = (after, 0)
            if !form.opening.isEmpty { try await write(form.opening) }
            repeat {
                let deadline = ContinuousClock.now + Self.heartbeat
                // Existing events are sent even when the server is stopping.
                let isFirst = revision == 0
                let update = try await feed.next(after: after, since: revision, until: deadline) {
                    !isFirst && isStopping()
                }
                guard let update else {
                    if Task.isCancelled { return }
                    if !isStopping() { try await write(form.silence(try await job(id))) }
                    continue
                }
                revision = update.hasMore ? 0 : update.job.revision
                guard let last = update.events.last else {
                    if update.job.status.isFinal { return }
                    continue
                }
                let final = last.type == "done" ? try await view(update.job).document : nil
                let text = texts.text(EventTexts.Key(job: id, after: after, last: last.id, form: form)) {
                    update.events.map {
                        form.text(EventView(event: $0, data: $0.type == "done" ? final : nil))
                    }.joined()
                }
                if !text.isEmpty { try await write(text) }
                after = last.id
                if final != nil { return }
            } while !isStopping()
        }
        return Answer(body: .stream(type: form.type, body))
            .with(.cacheControl, "no-store")
    }

    func metrics(_ call: Call) async throws -> Answer {
        .json(ListView(elements: try await rows(call).map(JSONValue.object), hasMore: false).document)
    }

    /// The columns that every step has. Others, such as slopes, follow in order of first occurrence.
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
            try store.metrics(of: id, limit: 100_000)
        }
        // A process that resumes from a checkpoint repeats the steps after it, with the same numbers.
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

    /// A field of CSV (RFC 4180 §2), quoted when it holds a comma, a quote or a line end.
    private static func quoted(_ text: String) -> String {
        let needsQuotes = text.utf8.contains { [UInt8(ascii: ","), UInt8(ascii: "\""), 0x0A, 0x0D].contains($0) }
        return needsQuotes
            ? "\"" + text.splitBytes(at: UInt8(ascii: "\""), keepsEmpty: true).joined(separator: "\"\"") + "\"" : text
    }
}
