import HTTP
import JobContract
import Jobs
import Options

/// The request for a job, a plan or a check: its files, stored or just uploaded, and its options.
struct Submission {
    /// A file of the request: one in the store, or an upload that is not committed yet.
    enum Source {
        case stored(StoredFile)
        case arrived(Upload)

        var parts: [StoredFile.Part] {
            switch self {
            case .stored(let file): file.parts
            case .arrived(let upload): upload.parts
            }
        }
    }

    let kind: JobKind
    var model: Source
    /// The model that a check compares with the other one; nil for a compression.
    var newModel: Source?
    var data: Source?
    var validationData: Source?
    var options: JSONValue.Object

    /// Reads a request, JSON or a form.
    init(_ call: Call, _ routes: Routes, kind: JobKind = .compression) async throws {
        switch call.mediaType {
        case "multipart/form-data":
            let intake = FormUploadReader(
                fileFields: kind.files.map(\.field), textFields: ["config"] + kind.members, memory: routes.memory,
                makeUpload: routes.makeUpload)
            try await call.readForm(into: intake)
            try self.init(
                try Self.options(of: intake.fields), uploads: intake.uploads, in: routes.artifacts, kind: kind)
        case "application/json":
            let object = try await call.object(
                limitBytes: routes.configuration.requestLimitBytes, from: routes.memory)
            try self.init(object, in: routes.artifacts, kind: kind)
        default:
            throw Problem(
                .unsupportedMediaType, "This is posted as multipart/form-data or application/json.",
                hint: "curl \(kind.files.filter { $0.role != .validationData }.map(\.curl).joined(separator: " "))")
        }
    }

    /// Separates the files from the options.
    init(
        _ object: JSONValue.Object, uploads: [String: Upload] = [:], in artifacts: ArtifactStore,
        kind: JobKind = .compression
    ) throws(Problem) {
        for name in object.names { try Self.check(name, for: kind) }
        var sources: [SubmittedFile.Role: Source] = [:]
        var options = object
        for file in kind.files {
            let id = file.member
            let value = options[id] ?? .null
            options[id] = nil
            let stored = value.isNull ? nil : try Self.stored(value, as: file, in: artifacts)
            let arrived = uploads[file.field.name].map(Source.arrived)
            if stored != nil, arrived != nil {
                throw Problem(.invalidOption, "'\(id)' is given as a file and as an id.", parameter: id)
            }
            sources[file.role] = arrived ?? stored
            guard sources[file.role] != nil || !file.isRequired else {
                throw Problem(
                    .missingField, "\(file.words) is missing.", hint: "\(file.curl), or \"\(id)\": \"file_...\"",
                    parameter: id)
            }
        }
        guard let model = sources[.model] else { preconditionFailure("every kind of job requires a model") }
        (self.kind, self.model, self.options) = (kind, model, options)
        (newModel, data, validationData) = (sources[.newModel], sources[.data], sources[.validationData])
    }

    /// Rejects a member that is neither a file id nor an option.
    private static func check(_ name: String, for kind: JobKind) throws(Problem) {
        let members = kind.members
        guard !members.contains(name) else { return }
        // The form field for a file may be named differently from the member for its id.
        let file = kind.files.first { $0.field.name == name }
        let nearest = file?.member ?? Spelling.nearest(to: name, among: members)
        throw Problem(
            .unknownOption, "There is no option '\(name)'.", hint: nearest.map { "did you mean '\($0)'?" },
            parameter: name)
    }

    private static func stored(
        _ value: JSONValue, as file: SubmittedFile, in artifacts: ArtifactStore
    ) throws(Problem) -> Source {
        guard let id = value.string else {
            throw Problem(.invalidOption, "'\(file.member)' has to be the id of a file.", parameter: file.member)
        }
        guard let stored = artifacts.file(id) else {
            throw Problem(.notFound, "There is no such file.", parameter: file.member)
        }
        if file.field.isModel { try Pickle.reject(modelAt: artifacts.path(of: stored), field: file.field) }
        return .stored(stored)
    }

    /// The fields of a form, which override the members of its `config`; a repeated field makes a list.
    private static func options(of fields: [(name: String, text: String)]) throws -> JSONValue.Object {
        var options = JSONValue.Object()
        for field in fields where field.name == "config" {
            guard let object = try JSONParser.parse(Array(field.text.utf8)).object else {
                throw Problem(.malformedRequest, "'config' has to be a JSON object.", parameter: "config")
            }
            for (name, value) in object.members { options[name] = value }
        }
        var seen: Set<String> = []
        for (name, text) in fields where name != "config" {
            if seen.insert(name).inserted {
                options[name] = .string(text)
            } else {
                options[name] = .array((options[name]?.array ?? [options[name] ?? .null]) + [.string(text)])
            }
        }
        return options
    }

    /// The options, checked and typed.
    ///
    /// - Throws: ``OptionError`` when an option has an invalid value.
    var jobOptions: JobOptions { get throws(OptionError) { try JobOptions(decoding: options, for: kind) } }

    /// The digest of the request's content, which recognises a repeated request whatever its boundary, file ids and
    /// order of options.
    var digest: String {
        let parts = [model.parts, newModel?.parts ?? [], data?.parts ?? [], validationData?.parts ?? []].map { parts in
            JSONValue.array(parts.map { .array([.string($0.name), .string($0.digest)]) })
        }
        let hash = SHA256()
        let sorted = JSONValue.Object(options.members.map { ($0.name, $0.value) }.sorted { $0.0 < $1.0 })
        let text = Array(JSONValue.array(parts + [.object(sorted)]).text().utf8)
        hash.update(text.span)
        return hash.finish()
    }
}
