import ByteText
import Glibc
import HTTPTypes
import JobContract
import Jobs
import SystemCalls

extension Routes {
    func listFiles(_ call: Call) throws -> Answer {
        let limit = try call.query.count("limit", default: 20, in: 1...100)
        var files = artifacts.files
        if let text = call.query["purpose"] {
            let purpose = try purpose(text)
            files = files.filter { $0.purpose == purpose }
        }
        if let after = call.query["after"] {
            guard let place = files.firstIndex(where: { $0.id == after }) else { throw Problem.notFound("file") }
            files.removeFirst(place + 1)
        }
        let page = files.prefix(limit).map(\.document)
        return .json(ListView(elements: Array(page), hasMore: files.count > limit).document)
    }

    private func purpose(_ text: String) throws(Problem) -> StoredFile.Purpose {
        if let purpose = StoredFile.Purpose(rawValue: text) { return purpose }
        let words = StoredFile.Purpose.allCases.map(\.rawValue).joined(separator: " or ")
        throw Problem(.invalidOption, "'purpose' has to be \(words).", parameter: "purpose")
    }

    private func storedFile(_ call: Call) throws(Problem) -> StoredFile {
        let name = call.parameter("id")
        let found = Self.digest(name).map { artifacts.file(digest: $0) } ?? artifacts.file(name)
        guard let found else { throw Problem.notFound("file") }
        return found
    }

    func showFile(_ call: Call) throws -> Answer { .json(try storedFile(call).document) }

    /// Sends the bytes of a file: of its first part, or of the named one.
    func fileContent(_ call: Call) throws -> Answer {
        let stored = try storedFile(call)
        let name = call.query["part"] ?? stored.name
        guard let place = stored.parts.firstIndex(where: { $0.name.hasBytes(of: name) }) else {
            throw Problem.notFound("part")
        }
        return try file(
            artifacts.path(of: stored, part: place), name: name, type: "application/octet-stream",
            digest: "sha256:\(stored.parts[place].digest)")
    }

    func deleteFile(_ call: Call) async throws -> Answer {
        let id = try storedFile(call).id
        let artifacts = artifacts
        let isDeleted = try await reserve.spend { () async throws(JobsError) in
            do throws(SystemError) { return try artifacts.delete(id) } catch { throw JobsError(error) }
        }
        guard isDeleted else { throw Problem.notFound("file") }
        return .json(["id": .string(id), "object": "file", "deleted": true])
    }

    /// Inspects a stored model or data file in a plan process.
    func inspectFile(_ call: Call) async throws -> Answer {
        let stored = try storedFile(call)
        let files = stored.parts.indices.map { (stored.parts[$0].name, artifacts.path(of: stored, part: $0)) }
        return .json(try await plans.plan(JobFiles(model: files)))
    }

    /// Stores the files of a form, such as `-F purpose=model -F file=@model.onnx -F file=@model.onnx.data`, as one
    /// file.
    func createFile(_ call: Call) async throws -> Answer {
        let field = FormUploadReader.FileField(name: "file", takesMany: true)
        let intake = FormUploadReader(
            fileFields: [field], textFields: ["purpose"], memory: memory, makeUpload: makeUpload)
        try await call.readForm(into: intake)
        let purpose = try intake.fields.last.map { (field) throws(Problem) in try self.purpose(field.text) }
        guard let upload = intake.uploads["file"], let first = upload.parts.first else {
            throw Problem(.missingField, "A file is missing.", hint: "-F file=@FILE", parameter: "file")
        }
        let kind = purpose ?? Self.purpose(ofFile: first.name)
        if kind == .model { try Pickle.reject(modelAt: upload.folder + "/0", field: field) }
        let file = try artifacts.commit(upload, purpose: kind, at: now())
        return Answer.json(file.document, status: 201).with(.location, "/v1/files/\(file.id)")
    }

    /// Stores a raw body whose SHA-256 the client knows, as `curl -T model.onnx .../v1/files/sha256:HEX` sends it.
    func putFile(_ call: Call) async throws -> Answer {
        let name = call.parameter("id")
        guard let digest = Self.digest(name) else { throw Problem.notFound("file") }
        if let known = artifacts.file(digest: digest) { return .json(known.document) }
        let purpose = try call.query["purpose"].map { (text) throws(Problem) in try self.purpose(text) }
        let fileName = try FileName.checked(call.query["filename"] ?? "\(digest).onnx", among: [], field: "filename")
        let kind = purpose ?? Self.purpose(ofFile: fileName)
        let field = FormUploadReader.FileField(name: "file", isModel: kind == .model)
        let intake = FormUploadReader(fileFields: [field], memory: memory, makeUpload: makeUpload)
        try intake.begin(field.name, fileName: fileName)
        while let bytes = try await call.body.next() { try intake.append(bytes.span) }
        try intake.end()
        guard let upload = intake.uploads[field.name], let part = upload.parts.first, part.digest == digest else {
            let found = intake.uploads[field.name]?.parts.first?.digest ?? ""
            throw Problem(.digestMismatch, "The body has SHA-256 \(found), not \(digest).")
        }
        let file = try artifacts.commit(upload, purpose: kind, at: now())
        return Answer.json(file.document, status: 201).with(.location, "/v1/files/\(file.id)")
    }

    /// The default purpose of a file, by its name.
    private static func purpose(ofFile name: String) -> StoredFile.Purpose {
        name.endsWithBytes(of: ".onnx") ? .model : .dataset
    }

    /// The digits of `sha256:HEX`; nil for anything else.
    private static func digest(_ name: String) -> String? {
        guard name.startsWithBytes(of: "sha256:") else { return nil }
        let digits = name.dropBytes(7)
        let isPlain = digits.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return isPlain && digits.utf8.count == 64 ? digits : nil
    }

    /// Begins an upload, unless the disk or the quota is full.
    func makeUpload() throws(SystemError) -> Upload {
        if let quota = configuration.storedLimitBytes, artifacts.storedBytes + (try jobs.pointBytes()) >= quota {
            throw SystemError(call: "upload", code: EDQUOT)
        }
        return try artifacts.upload(id: Identifier.make("file", at: now()))
    }
}
