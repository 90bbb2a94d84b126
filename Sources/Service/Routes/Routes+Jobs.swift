import HTTP
import HTTPTypes
import JobContract
import Jobs

extension Routes {
    func listJobs(_ call: Call) async throws -> Answer {
        let limit = try call.query.count("limit", default: 20, in: 1...100)
        var status: JobStatus?
        if let text = call.query["status"] {
            status = JobStatus(rawValue: text)
            guard status != nil else {
                let words = JobStatus.allCases.map(\.rawValue).joined(separator: " ")
                throw Problem(.malformedRequest, "'status' has to be one of \(words).", parameter: "status")
            }
        }
        let (after, labels) = (call.query["after"], call.query.labels("metadata"))
        let page = try await store.perform { [status] store throws(JobsError) in
            try store.list(limit: limit, after: after, status: status, metadata: labels)
        }
        var views: [JSONValue] = []
        for job in page.elements { views.append(try await view(job).document) }
        return .json(ListView(elements: views, hasMore: page.hasMore).document)
    }

    /// Shows a job, at once or after its next change of status or phase.
    func showJob(_ call: Call) async throws -> Answer {
        var job = try await job(call)
        let (status, phase) = (job.status, job.phase)
        let wait = try call.wait()
        if let wait {
            let deadline = ContinuousClock.now + .seconds(wait)
            let feed = store.feed(of: job.id)
            while !job.status.isFinal, job.status == status, job.phase == phase {
                let update = try await feed.next(
                    after: .max, since: job.revision, until: deadline, unless: isStopping)
                guard let update else { break }
                job = update.job
            }
        }
        let answer = try await answer(job)
        if Preconditions(call.headers, entityTag: answer.headers[.eTag]) == .unchanged { return answer.notModified }
        return answer.with(.preferenceApplied, call.prefersWait ? "wait" : nil)
    }

    func cancelJob(_ call: Call) async throws -> Answer {
        let (id, time) = (call.parameter("id"), now())
        let store = store
        let job = try await reserve.spend { () async throws(JobsError) in
            try await store.perform { store throws(JobsError) in try store.requestCancel(id, at: time) }
        }
        // A job that waits to be resumed has no process, so its checkpoints are removed here.
        if job.status.isFinal { jobs.folder(of: id).removeCheckpoints() }
        return try await answer(job)
    }

    /// Asks a running compression to end with the best point that it has found.
    func finishJob(_ call: Call) async throws -> Answer {
        let (asked, time, store) = (try await job(call), now(), store)
        if JobOrder(stored: asked.payload)?.kind == .check {
            throw Problem(.jobNotFinishable, "A check has no search to finish.", hint: "cancel it")
        }
        let job = try await store.perform { store throws(JobsError) in try store.requestFinish(asked.id, at: time) }
        return try await answer(job)
    }

    func deleteJob(_ call: Call) async throws -> Answer {
        let id = call.parameter("id")
        let store = store
        try await reserve.spend { () async throws(JobsError) in
            try await store.perform { store throws(JobsError) in try store.delete(id) }
        }
        jobs.removeFolder(of: id)
        return .json(["id": .string(id), "object": "job", "deleted": true])
    }
}
