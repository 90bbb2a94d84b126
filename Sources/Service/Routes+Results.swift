import Foundation
import HTTPTypes
import Jobs

extension Routes {
    func downloadModel(_ call: Call) async throws -> Answer {
        let job = try await finished(call)
        // The points on the way are told, and only the last one is kept as a file.
        guard call.query["checkpoint"] == nil else { throw Problem.notFound("checkpoint") }
        let digest = JSONValue(stored: job.result)["digests"]?["model"]?.string
        let name = (JobOrder(stored: job.payload)?.modelName ?? "model.onnx") as NSString
        return try file(
            jobs.folder(of: job.id).outputModel, name: name.deletingPathExtension + ".small.onnx",
            type: "application/octet-stream", digest: digest)
    }

    /// The points between the original and the result: what each costs, and what it saves.
    func listCheckpoints(_ call: Call) async throws -> Answer {
        let points = JSONValue(stored: try await job(call).result)["pareto"]?.array ?? []
        let documents = points.enumerated().map { number, point in
            var document = JSONValue.Object([("id", .string("ckpt_\(number + 1)")), ("object", "job.checkpoint")])
            for (name, value) in point.object?.members ?? [] { document[name] = value }
            return JSONValue.object(document)
        }
        return .json(ListView(elements: documents, hasMore: false).document)
    }

    /// Any of the files that a job wrote, such as the external data of its model.
    func downloadOutput(_ call: Call) async throws -> Answer {
        let job = try await finished(call)
        let name = call.parameter("name")
        // The name has to be one that the folder lists; it never becomes a path by itself.
        guard jobs.outputs(of: job.id).contains(name) else { throw Problem.notFound("file") }
        return try file(
            jobs.folder(of: job.id).output + "/" + name, name: name, type: "application/octet-stream", digest: nil)
    }

    /// The report in the form that the path names, or else the one that is accepted.
    func report(_ call: Call) async throws -> Answer {
        let job = try await finished(call)
        let forms: [(suffix: String, type: String)] = [
            ("json", "application/json"), ("md", "text/markdown; charset=utf-8"), ("html", "text/html; charset=utf-8"),
        ]
        let accepted = call.headers[.accept] ?? ""
        let form =
            forms.first { call.path.hasSuffix("." + $0.suffix) }
            ?? forms.first { accepted.contains($0.type.prefix { $0 != ";" }) } ?? forms[0]
        let path = jobs.folder(of: job.id).output + "/report." + form.suffix
        guard FileManager.default.fileExists(atPath: path) else { throw Problem.notFound("form of the report") }
        return Answer(body: .file(path: path, type: form.type)).with(.vary, "Accept").with(.cacheControl, "no-store")
    }

    /// A job that has a result, or the reason why it has none.
    private func finished(_ call: Call) async throws -> Job {
        let job = try await job(call)
        switch job.status {
        case .succeeded: return job
        case .failed, .cancelled:
            throw Problem(.jobNotSucceeded, "The job \(job.status.rawValue == "failed" ? "failed" : "was cancelled").")
        case .validatingFiles, .queued, .running:
            throw Problem(
                .jobNotFinished, "The job is \(job.status.rawValue).",
                hint: "ask /v1/jobs/\(job.id)?wait=30 until it ends",
                retryAfterSeconds: 2)
        }
    }

    func file(_ path: String, name: String, type: String, digest: String?) throws -> Answer {
        guard FileManager.default.fileExists(atPath: path) else { throw Problem.notFound("file") }
        return Answer(body: .file(path: path, type: type))
            .with(.contentDisposition, Self.attachment(name))
            .with(.eTag, digest.map { "\"\($0)\"" })
            .with(.reprDigest, digest.flatMap(Self.representationDigest))
            .with(.cacheControl, "private, no-cache")
    }

    /// RFC 6266: the name itself where it is plain, and encoded beside it where it is not.
    private static func attachment(_ name: String) -> String {
        let plain = String(
            name.unicodeScalars.map { $0.isASCII && $0.value >= 0x20 && $0 != "\"" && $0 != "\\" ? Character($0) : "_" }
        )
        guard plain != name else { return "attachment; filename=\"\(plain)\"" }
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        let encoded = name.addingPercentEncoding(withAllowedCharacters: unreserved) ?? plain
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(encoded)"
    }

    /// RFC 9530: `sha256:` and hexadecimal digits become base64 between colons.
    private static func representationDigest(_ digest: String) -> String? {
        guard digest.hasPrefix("sha256:") else { return nil }
        let digits = Array(digest.dropFirst(7))
        guard digits.count == 64 else { return nil }
        let bytes = stride(from: 0, to: 64, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
        return bytes.count == 32 ? "sha-256=:\(Data(bytes).base64EncodedString()):" : nil
    }
}
