import Foundation
import HTTPTypes
import JobContract
import Jobs
import Options
import SystemCalls

extension Routes {
    func createJob(_ call: Call) async throws -> Answer {
        try await rejectWhenFull()
        let job = try await submit(try await Submission(call, self)).job
        return try await accepted(job)
    }

    /// Creates a job that checks whether one model may take the place of another.
    func createCheck(_ call: Call) async throws -> Answer {
        try await rejectWhenFull()
        let job = try await submit(try await Submission(call, self, kind: .check)).job
        return try await accepted(job)
    }

    /// Creates a job under the client's own id; a repeated request returns the same job.
    func putJob(_ call: Call) async throws -> Answer {
        let clientID = call.parameter("id")
        let isPlain = clientID.utf8.allSatisfy { byte in
            (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
                || "._-".utf8.contains(byte)
        }
        guard isPlain, (1...128).contains(clientID.utf8.count) else {
            throw Problem(.malformedRequest, "An id has 1 to 128 letters, digits, dots, hyphens and underscores.")
        }
        try await rejectWhenFull(unless: clientID)
        switch try await submit(try await Submission(call, self), as: clientID) {
        case .added(let job): return try await accepted(job)
        case .existing(let job): return try await answer(job).with(.location, "/v1/jobs/\(job.id)")
        }
    }

    /// Creates a job with the files of another one; options in the body replace its options.
    func duplicateJob(_ call: Call) async throws -> Answer {
        try await rejectWhenFull()
        let job = try await job(call)
        guard let order = JobOrder(stored: job.payload) else {
            throw Problem(.internalError, "The job cannot be read.")
        }
        var options = JSONValue.Object()
        for file in order.kind.files { options[file.member] = order.file(file.role).map(JSONValue.string) }
        for (name, value) in order.options.members { options[name] = value }
        options["metadata"] = JSONValue(stored: job.metadata)
        let changes = try await call.object(limitBytes: configuration.requestLimitBytes, from: memory)
        for (name, value) in changes.members { options[name] = value }
        let submission = try Submission(options, in: artifacts, kind: order.kind)
        return try await accepted(try await submit(submission, repeating: (job.id, order)).job)
    }

    /// Plans the job of this body without creating it.
    func createPlan(_ call: Call) async throws -> Answer {
        let submission = try await Submission(call, self)
        let options = try submission.jobOptions.resolved(hasData: submission.data != nil)
        var plan = try await plans.plan(JobFiles(submission, in: artifacts)).object ?? JSONValue.Object()
        // The plan process knows only the defaults.
        plan["options"] = .object(options.all)
        return .json(.object(plan))
    }

    private func accepted(_ job: Job) async throws -> Answer {
        try await answer(job, status: 202).with(.location, "/v1/jobs/\(job.id)")
    }

    private func rejectWhenFull(unless clientID: String? = nil) async throws {
        if isStopping() { throw Problem(.shuttingDown, "The service is about to stop.", retryAfterSeconds: 10) }
        let (counts, known) = try await store.perform { store throws(JobsError) in
            (try store.counts(), try clientID.flatMap { (id) throws(JobsError) in try store.find(clientID: id) })
        }
        guard known == nil else { return }
        let waiting = counts[.queued, default: 0]
        guard waiting >= configuration.queueLimit else { return }
        throw Problem(
            .queueFull, "\(waiting) jobs are waiting; more are not taken at the moment.", retryAfterSeconds: 30)
    }

    /// Stores the uploads, prepares the job folder, and adds the job to the queue, in this order.
    ///
    /// - Parameters:
    ///   - submission: the files and options.
    ///   - clientID: the client's own id; nil for none.
    ///   - earlier: the job that is repeated, whose search is used where it would be the same.
    /// - Returns: the job, or the one that the client's id has already.
    /// - Throws: ``JobsError`` or ``SystemError``.
    private func submit(
        _ submission: Submission, as clientID: String? = nil, repeating earlier: (id: String, order: JobOrder)? = nil
    ) async throws -> AddedJob {
        let time = now()
        var options = try submission.jobOptions.all(of: submission.kind)
        // Stored once, with the job.
        let labels = options["metadata"] ?? [:]
        options["metadata"] = nil
        let idempotency = clientID.map { Idempotency(clientID: $0, bodyDigest: submission.digest) }
        if let clientID, let idempotency,
            let known = try await store.perform({ store throws(JobsError) in try store.find(clientID: clientID) })
        {
            guard known.idempotency == idempotency else { throw JobsError.idempotencyConflict }
            return .existing(known)
        }
        let model = try stored(submission.model, as: .model, at: time)
        let newModel = try submission.newModel.map { try stored($0, as: .model, at: time) }
        let data = try submission.data.map { try stored($0, as: .dataset, at: time) }
        let validation = try submission.validationData.map { try stored($0, as: .dataset, at: time) }
        let order = JobOrder(
            kind: submission.kind, modelName: model.name, model: model.id, newModel: newModel?.id,
            trainingFile: data?.id, validationFile: validation?.id, options: options)
        let job = NewJob(
            id: Identifier.make("job", at: time), payload: order.document.data,
            metadata: labels.data, idempotency: idempotency)
        var final = submission
        final.model = .stored(model)
        final.newModel = newModel.map(Submission.Source.stored)
        final.data = data.map(Submission.Source.stored)
        final.validationData = validation.map(Submission.Source.stored)
        let files = JobFiles(final, in: artifacts)
        let manifest = JobFolder.Manifest(
            job: job.id, kind: submission.kind, modelFiles: files.model.map(\.name),
            newFiles: files.newModel.map(\.name), dataFile: files.data?.name,
            validationFile: files.validation?.name, options: options,
            memoryLimitBytes: configuration.jobMemoryBytes, threads: configuration.jobThreads)
        let searched = earlier.flatMap { order.searchesLike($0.order) ? $0.id : nil }
        try jobs.prepare(manifest, files, id: job.id, searchedBy: searched)
        do {
            let added = try await store.perform { store throws(JobsError) in try store.add(job, at: time) }
            if added.job.id != job.id { jobs.removeFolder(of: job.id) }
            return added
        } catch {
            jobs.removeFolder(of: job.id)
            throw error
        }
    }

    private func stored(
        _ source: Submission.Source, as purpose: StoredFile.Purpose, at time: Int
    ) throws(SystemError) -> StoredFile {
        switch source {
        case .stored(let file): file
        case .arrived(let upload): try artifacts.commit(upload, purpose: purpose, at: time)
        }
    }
}
