import ByteText
import HTTP
import JobContract
import Jobs
import SystemCalls

extension Routes {
    /// Lists the points between the original and the result, with what each costs and saves.
    func listCheckpoints(_ call: Call) async throws -> Answer {
        let job = try await job(call)
        let result = JSONValue(stored: job.result)
        let documents = Self.points(of: result).enumerated().map { index, point in
            let id = JobFolder.pointID(index)
            let isChosen = point["chosen"]?.bool == true
            let hasFile = point["digest"]?.string != nil
            var document = JSONValue.Object([
                ("id", .string(id)), ("object", "job.checkpoint"), ("created_at", JSONValue(job.finishedAt)),
                ("job", .string(job.id)),
                ("fine_tuned_model_checkpoint", hasFile ? .string("/v1/jobs/\(job.id)/model?checkpoint=\(id)") : nil),
            ])
            for (name, value) in point.object?.members ?? [] { document[name] = value }
            // The report measures the speed of the result itself, beside the original; training does not change it.
            for name in ["latency_ms_p50", "latency_ms_p90"] {
                document[name] = (isChosen ? result["compressed"]?[name] : nil) ?? document[name] ?? .null
            }
            return JSONValue.object(document)
        }
        return .json(ListView(elements: documents, hasMore: false).document)
    }

    /// Sends a point of the front, put together from the original and what is new in it.
    ///
    /// - Parameters:
    ///   - id: the id of a point as a client gave it
    ///   - job: a job that has succeeded
    /// - Returns: the model, whose parts can be asked for
    /// - Throws: ``Problem`` for a point that is not there, ``DifferenceError`` for one that is damaged.
    func point(_ id: String, of job: Job) throws -> Answer {
        let points = Self.points(of: JSONValue(stored: job.result))
        guard let index = points.indices.first(where: { JobFolder.pointID($0).hasBytes(of: id) }) else {
            let last = points.isEmpty ? "none" : "ckpt_1 to \(JobFolder.pointID(points.count - 1))"
            throw Problem(
                .notFound, "There is no such checkpoint; this job has \(last).",
                hint: "/v1/jobs/\(job.id)/checkpoints lists them", parameter: "checkpoint")
        }
        let id = JobFolder.pointID(index)
        guard let digest = points[index]["digest"]?.string else {
            throw Problem(
                .notFound, "The point \(id) is listed, but its model was not kept.",
                hint: "the warnings of the job say why; layercollapse compress --front writes all",
                parameter: "checkpoint")
        }
        let folder = jobs.folder(of: job.id)
        let files: FileRanges
        do {
            files = try FileRanges("\(folder.points)/\(id)", of: folder)
        } catch let error as SystemError where error.isAbsent {
            throw Problem(
                .notFound, "The point \(id) cannot be put together: a file of the job is gone.",
                hint: "post the job again", parameter: "checkpoint")
        }
        return Self.download(
            .files(files, type: "application/octet-stream"), name: Self.modelName(of: job, id), digest: digest)
    }

    private static func points(of result: JSONValue) -> [JSONValue] { result["pareto"]?.array ?? [] }
}

extension FileRanges {
    /// The whole of a file of which a difference is stored.
    ///
    /// - Parameters:
    ///   - path: the path of a stored ``FileDifference``
    ///   - folder: the folder of the job
    /// - Throws: ``SystemError`` when a file cannot be opened, ``DifferenceError`` when they do not fit together.
    init(_ path: String, of folder: JobFolder) throws {
        let difference = try FileDifference(reading: path)
        let sources = try difference.sources.map { source in
            let place =
                switch source.folder {
                case .model: folder.model
                case .points: folder.points
                }
            let file = try OpenFile(path: "\(place)/\(source.name)")
            guard source.fits(fileByteCount: file.length) else {
                throw DifferenceError.damaged("'\(source.name)' has \(file.length) bytes, not \(source.byteCount)")
            }
            return file
        }
        self.init()
        for segment in difference.segments { append(sources[segment.source], segment.range) }
    }
}
