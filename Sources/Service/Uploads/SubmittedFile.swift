import JobContract

/// A file of a request for a job: its field in a form, and the member of JSON that names a stored one.
struct SubmittedFile: Sendable {
    /// The purpose of the file in the job.
    enum Role: Hashable, Sendable {
        case model, newModel, data, validationData
    }

    let role: Role
    let member: String
    let field: FormUploadReader.FileField
    /// The start of the sentence that says that it is missing.
    let words: String
    var isRequired = false

    /// The arguments of curl that send it.
    var curl: String { "-F \(field.name)=@\(field.isModel ? field.name + ".onnx" : "data.npz")" }
}

extension JobKind {
    /// The files of a request for such a job.
    var files: [SubmittedFile] {
        switch self {
        case .compression:
            [
                SubmittedFile(
                    role: .model, member: "model", field: .init(name: "model", takesMany: true, isModel: true),
                    words: "A model", isRequired: true),
                SubmittedFile(role: .data, member: "training_file", field: .init(name: "data"), words: "The data"),
                SubmittedFile(
                    role: .validationData, member: "validation_file", field: .init(name: "validation_data"),
                    words: "The validation data"),
            ]
        case .check:
            [
                SubmittedFile(
                    role: .model, member: "old", field: .init(name: "old", takesMany: true, isModel: true),
                    words: "The old model", isRequired: true),
                SubmittedFile(
                    role: .newModel, member: "new", field: .init(name: "new", takesMany: true, isModel: true),
                    words: "The new model", isRequired: true),
                SubmittedFile(
                    role: .data, member: "data", field: .init(name: "data"), words: "The data", isRequired: true),
            ]
        }
    }

    /// The members of a request: the ids of files, then the options.
    var members: [String] { files.map(\.member) + options.map(\.name) }
}
