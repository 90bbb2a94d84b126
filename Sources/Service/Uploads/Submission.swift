import HTTP
import JobContract
import Jobs
import Options

/// The request for a job or a plan: its files, stored or just uploaded, and its options.
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

    var model: Source
    var data: Source?
    var validationData: Source?
    var options: JSONValue.Object

    /// The members that name files by id, and the fields that upload the same files.
    private static let fileIDs = ["model", "training_file", "validation_file"]
    private static let fileFields = [
        FormUploadReader.FileField(name: "model", takesMany: true, isModel: true),
        FormUploadReader.FileField(name: "data"),
        FormUploadReader.FileField(name: "validation_data"),
    ]

    private static let optionNames = JobOption.all.map(\.name)
    private static let textFields = ["config"] + fileIDs + optionNames

    /// Reads a request, JSON or a form.
    init(_ call: Call, _ routes: Routes) async throws {
        switch call.mediaType {
        case "multipart/form-data":
            let intake = FormUploadReader(
                fileFields: Self.fileFields, textFields: Self.textFields, memory: routes.memory,
                makeUpload: routes.makeUpload)
            try await call.readForm(into: intake)
            try self.init(try Self.options(of: intake.fields), uploads: intake.uploads, in: routes.artifacts)
        case "application/json":
            let object = try await call.object(
                limitBytes: routes.configuration.requestLimitBytes, from: routes.memory)
            try self.init(object, in: routes.artifacts)
        default:
            throw Problem(
                .unsupportedMediaType, "This is posted as multipart/form-data or application/json.",
                hint: "curl -F model=@model.onnx -F data=@data.npz")
        }
    }

    /// Separates the files from the options.
    init(
        _ object: JSONValue.Object, uploads: [String: Upload] = [:], in artifacts: ArtifactStore
    ) throws(Problem) {
        for name in object.names { try Self.check(name) }
        var sources: [String: Source] = [:]
        options = object
        for (id, field) in zip(Self.fileIDs, Self.fileFields) {
            let value = options[id] ?? .null
            options[id] = nil
            let stored = value.isNull ? nil : try Self.stored(value, field: id, in: artifacts)
            let arrived = uploads[field.name].map(Source.arrived)
            if stored != nil, arrived != nil {
                throw Problem(.invalidOption, "'\(id)' is given as a file and as an id.", parameter: id)
            }
            sources[field.name] = arrived ?? stored
        }
        guard let model = sources["model"] else {
            throw Problem(
                .missingField, "A model is missing.", hint: "-F model=@model.onnx, or \"model\": \"file_...\"",
                parameter: "model")
        }
        self.model = model
        data = sources["data"]
        validationData = sources["validation_data"]
    }

    /// Rejects a member that is neither a file id nor an option.
    private static func check(_ name: String) throws(Problem) {
        guard !fileIDs.contains(name), !optionNames.contains(name) else { return }
        // The form field for a file is named differently from the member for its id.
        let place = fileFields.firstIndex { $0.name == name }
        let nearest = place.map { fileIDs[$0] } ?? Spelling.nearest(to: name, among: fileIDs + optionNames)
        throw Problem(
            .unknownOption, "There is no option '\(name)'.", hint: nearest.map { "did you mean '\($0)'?" },
            parameter: name)
    }

    private static func stored(
        _ value: JSONValue, field: String, in artifacts: ArtifactStore
    ) throws(Problem) -> Source {
        guard let id = value.string else {
            throw Problem(.invalidOption, "'\(field)' has to be the id of a file.", parameter: field)
        }
        guard let file = artifacts.file(id) else {
            throw Problem(.notFound, "There is no such file.", parameter: field)
        }
        if field == fileFields[0].name { try Pickle.reject(modelAt: artifacts.path(of: file), field: fileFields[0]) }
        return .stored(file)
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
    var jobOptions: JobOptions { get throws(OptionError) { try JobOptions(decoding: options) } }

    /// The digest of the request's content, which recognises a repeated request whatever its boundary, file ids and
    /// order of options.
    var digest: String {
        let parts = [model.parts, data?.parts ?? [], validationData?.parts ?? []].map { parts in
            JSONValue.array(parts.map { .array([.string($0.name), .string($0.digest)]) })
        }
        let hash = SHA256()
        let sorted = JSONValue.Object(options.members.map { ($0.name, $0.value) }.sorted { $0.0 < $1.0 })
        let text = Array(JSONValue.array(parts + [.object(sorted)]).text().utf8)
        hash.update(text.span)
        return hash.finish()
    }
}
