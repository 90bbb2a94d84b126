import ByteText
import Foundation
import HTTPTypes
import JobContract
import Jobs

extension Routes {
    func downloadModel(_ call: Call) async throws -> Answer {
        let job = try await finished(call)
        guard JobOrder(stored: job.payload)?.kind != .check else { throw Problem.notFound("model: a check makes none") }
        if let id = call.query["checkpoint"] { return try point(id, of: job) }
        let digest = JSONValue(stored: job.result)["digests"]?["model"]?.string
        return try file(
            jobs.folder(of: job.id).outputModel, name: Self.modelName(of: job, "small"),
            type: "application/octet-stream", digest: digest)
    }

    /// The name of a model of a job: that of the original, and a word before its extension.
    static func modelName(of job: Job, _ word: String) -> String {
        let name = JobOrder(stored: job.payload)?.modelName ?? "model.onnx"
        let stem = name.endsWithBytes(of: ".onnx") ? String(decoding: name.utf8.dropLast(5), as: UTF8.self) : name
        return "\(stem).\(word).onnx"
    }

    /// Sends any file that a job wrote, such as the external data of its model.
    func downloadOutput(_ call: Call) async throws -> Answer {
        let job = try await finished(call)
        let name = call.parameter("name")
        // The name must be one that the folder lists; it is never used as a path by itself.
        guard try jobs.outputs(of: job.id).contains(where: { $0.hasBytes(of: name) }) else {
            throw Problem.notFound("file")
        }
        return try file(
            jobs.folder(of: job.id).output + "/" + name, name: name, type: "application/octet-stream", digest: nil)
    }

    /// Sends the report in the format named by the path, else in an accepted one.
    func report(_ call: Call) async throws -> Answer {
        let job = try await finished(call)
        let forms: [(suffix: String, type: String)] = [
            ("json", "application/json"), ("md", "text/markdown; charset=utf-8"), ("html", "text/html; charset=utf-8"),
            ("xml", "application/xml"),
        ]
        let accepted = call.headers[.accept] ?? ""
        let form =
            forms.first { call.path.endsWithBytes(of: "." + $0.suffix) }
            ?? forms.first { accepted.containsBytes(of: $0.type.bytes(before: UInt8(ascii: ";"))) } ?? forms[0]
        let path = jobs.folder(of: job.id).output + "/report." + form.suffix
        guard FileManager.default.fileExists(atPath: path) else { throw Problem.notFound("form of the report") }
        return Answer(body: .file(path: path, type: form.type)).with(.vary, "Accept").with(.cacheControl, "no-store")
    }

    /// The job of the request; throws the reason when it has no result.
    private func finished(_ call: Call) async throws -> Job {
        let job = try await job(call)
        switch job.status {
        case .succeeded: return job
        case .failed, .cancelled:
            throw Problem(.jobNotSucceeded, "The job \(job.status.rawValue == "failed" ? "failed" : "was cancelled").")
        case .queued, .running:
            throw Problem(
                .jobNotFinished, "The job is \(job.status.rawValue).",
                hint: "ask /v1/jobs/\(job.id)?wait=30 until it ends",
                retryAfterSeconds: 2)
        }
    }

    func file(_ path: String, name: String, type: String, digest: String?) throws -> Answer {
        guard FileManager.default.fileExists(atPath: path) else { throw Problem.notFound("file") }
        return Self.download(.file(path: path, type: type), name: name, digest: digest)
    }

    /// The answer with a file that is saved under a name, and does not change while it has this digest.
    static func download(_ body: Answer.Body, name: String, digest: String?) -> Answer {
        Answer(body: body)
            .with(.contentDisposition, attachment(name))
            .with(.eTag, digest.map { "\"\($0)\"" })
            .with(.reprDigest, digest.flatMap(representationDigest))
            .with(.cacheControl, "private, no-cache")
    }

    /// The value of `Content-Disposition` (RFC 6266): the plain name, with the encoded one beside it when they differ.
    private static func attachment(_ name: String) -> String {
        var plain = ""
        for scalar in name.unicodeScalars {
            let isPlain =
                scalar.isASCII && scalar.value >= 0x20 && scalar.value != 0x7F && scalar != "\"" && scalar != "\\"
            plain.unicodeScalars.append(isPlain ? scalar : "_")
        }
        guard !plain.hasBytes(of: name) else { return "attachment; filename=\"\(plain)\"" }
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        let encoded = name.addingPercentEncoding(withAllowedCharacters: unreserved) ?? plain
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(encoded)"
    }

    /// The value of `Repr-Digest` (RFC 9530): the digits after `sha256:` as base64 between colons.
    private static func representationDigest(_ digest: String) -> String? {
        guard digest.startsWithBytes(of: "sha256:") else { return nil }
        let digits = Array(digest.dropBytes(7).utf8)
        guard digits.count == 64 else { return nil }
        let bytes = stride(from: 0, to: 64, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
        return bytes.count == 32 ? "sha-256=:\(Data(bytes).base64EncodedString()):" : nil
    }
}
