import JobContract
import Jobs
import Options

/// The job object of the API, made from the queue's data.
struct JobView {
    let job: Job
    let queuePosition: Int?
    let warnings: [JobEvent]
    /// Seconds since 1970.
    let now: Int

    var document: JSONValue {
        let order = JobOrder(stored: job.payload)
        let metadata = JSONValue(stored: job.metadata)
        let progress = JSONValue(stored: job.progress)
        let path = "/v1/jobs/\(job.id)"
        let kind = order?.kind ?? .compression
        let hasModel = kind == .compression
        let succeeded = job.status == .succeeded
        let eta = job.status == .running ? progress["eta_seconds"]?.double : nil
        let asOf = progress["updated_at"]?.int ?? now
        return [
            "id": .string(job.id),
            "object": "job",
            "kind": .string(kind.rawValue),
            "status": .string(job.status.rawValue),
            "phase": JSONValue(job.phase),
            "created_at": .int(job.createdAt),
            "started_at": JSONValue(job.startedAt),
            "finished_at": JSONValue(job.finishedAt),
            "estimated_finish": JSONValue(eta.flatMap { Int(exactly: (Double(asOf) + $0).rounded()) }),
            "model": JSONValue(order?.model),
            "new": JSONValue(order?.newModel),
            "training_file": JSONValue(order?.trainingFile),
            "validation_file": JSONValue(order?.validationFile),
            "options": order.map { JSONValue.object($0.options(labelled: metadata)) } ?? .null,
            "seed": order?.options["seed"] ?? 0,
            "metadata": metadata,
            "queue_position": JSONValue(queuePosition),
            "attempt": .int(job.attempt),
            "cancel_requested": .bool(job.cancelRequested),
            "finish_requested": .bool(job.finishRequested),
            "progress": progress,
            "result": JSONValue(stored: job.result),
            "result_files": .array(succeeded ? Self.resultFiles(JSONValue(stored: job.result), kind, below: path) : []),
            "fine_tuned_model": succeeded && hasModel ? .string(path + "/model") : nil,
            "error": JSONValue(stored: job.error),
            "warnings": .array(warnings.map(Self.warning)),
            "urls": [
                "self": .string(path), "events": .string(path + "/events"), "watch": .string(path + "/watch"),
                "metrics": .string(path + "/metrics"), "cancel": .string(path + "/cancel"),
                "finish": hasModel ? .string(path + "/finish") : nil,
                "report": .string(path + "/report"), "model": hasModel ? .string(path + "/model") : nil,
                // The dashboard selects a job by the fragment, which browsers do not send.
                "web": .string("/#\(job.id)"),
            ],
            "usage": [
                // The clock may have been set back meanwhile.
                "queued_seconds": .int(max(0, (job.startedAt ?? job.finishedAt ?? now) - job.createdAt)),
                "running_seconds": .int(job.startedAt.map { max(0, (job.finishedAt ?? now) - $0) } ?? 0),
                "cpu_seconds": .double(job.cpuSeconds),
                "peak_memory_bytes": .int(job.peakMemoryBytes),
            ],
        ]
    }

    /// The entity tag, which changes with every part of ``document`` except the clock.
    var entityTag: String { "\"\(job.revision)-\(queuePosition ?? 0)\"" }

    /// The paths of the model, its external data (if any) and the report; of a check, those of its reports.
    private static func resultFiles(_ result: JSONValue, _ kind: JobKind, below path: String) -> [JSONValue] {
        guard kind == .compression else { return ["/report.json", "/report.xml"].map { .string(path + $0) } }
        let others = (result["digests"]?.object?.names ?? []).filter { $0 != "model" }
        return (["/model"] + others.map { "/files/\($0)" } + ["/report.json"]).map { .string(path + $0) }
    }

    private static func warning(_ event: JobEvent) -> JSONValue {
        ["code": JSONValue(stored: event.data)["code"] ?? "warning", "message": .string(event.message)]
    }
}

extension JobOrder {
    /// The options shown to clients: with the job's labels, and the method resolved from the data.
    fileprivate func options(labelled metadata: JSONValue) -> JSONValue.Object {
        var known = options
        known["metadata"] = metadata
        if kind == .compression, known["method"]?.isNull ?? true {
            known["method"] = .string(JobOptions.Method.following(hasData: trainingFile != nil).rawValue)
        }
        return JSONValue.Object(kind.options.map { ($0.name, known[$0.name] ?? .null) })
    }
}

/// One event of the API.
struct EventView {
    let event: JobEvent
    /// Replaces the event's own data: `done` carries the final job.
    var data: JSONValue?

    var document: JSONValue {
        [
            "id": .string("evt_\(event.id)"),
            "object": "job.event",
            "created_at": .int(event.createdAt),
            "level": .string(event.level),
            "type": .string(event.type),
            "message": .string(event.message),
            "data": data ?? JSONValue(stored: event.data),
        ]
    }

    /// The event in the format of Server-Sent Events.
    var streamText: String { "id: \(event.id)\nevent: \(event.type)\ndata: \(document.text())\n\n" }
}
