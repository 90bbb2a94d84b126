import ByteText
import JobContract
import SystemCalls

/// Reads a multipart body part by part. Files are written to disk as they arrive; fields are small and kept as text.
///
/// A class because it owns the uploads of a request, which are removed with it unless they are committed.
final class FormUploadReader {
    /// A field that holds files.
    struct FileField {
        let name: String
        /// True when several files belong together, as an ONNX model and its external data do.
        var takesMany = false
        /// True for a model, which is never a zip; `torch.save` writes one.
        var isModel = false
    }

    private enum Target {
        case file(Upload, FileField)
        case field(String)
    }

    /// The size limit of a field. Options are words and numbers, a configuration is about a page.
    static let fieldBytes = 64 << 10
    static let fieldLimit = 100
    static let filesOfField = 64
    /// The size limit of all fields of a form together.
    static let formBytes = 1 << 20

    /// The uploads by field name.
    private(set) var uploads: [String: Upload] = [:]
    /// The fields in order of arrival; names may repeat.
    private(set) var fields: [(name: String, text: String)] = []

    private let fileFields: [FileField]
    /// The fields that may hold text. The text of a field that is also a file field is the id of a stored file.
    private let textFields: [String]
    private let makeUpload: () throws(SystemError) -> Upload
    private var target: Target?
    private var text: [UInt8] = []
    private var textBytes = 0
    private let share: MemoryBudget.Share
    /// The first bytes of a file, collected until its format is known.
    private var start: [UInt8]?

    /// The one text field that may arrive as a file: all options in JSON.
    private static let textFileField = "config"

    init(
        fileFields: [FileField], textFields: [String] = [], memory: MemoryBudget,
        makeUpload: @escaping () throws(SystemError) -> Upload
    ) {
        share = MemoryBudget.Share(of: memory)
        (self.fileFields, self.textFields, self.makeUpload) = (fileFields, textFields, makeUpload)
    }

    /// Begins a part.
    ///
    /// - Parameters:
    ///   - name: the name of the field
    ///   - fileName: the client's name of the file; nil for a plain field
    /// - Throws: ``Problem`` for a field that is unknown or repeated too often.
    func begin(_ name: String, fileName: String?) throws {
        text = []
        guard let fileName, let field = fileFields.first(where: { $0.name == name }) else {
            guard fields.count < Self.fieldLimit else {
                throw Problem(.malformedRequest, "The form has more than \(Self.fieldLimit) fields.")
            }
            try check(name, isFile: fileName != nil)
            target = .field(name)
            return
        }
        let upload = try uploads[name] ?? makeUpload()
        guard upload.parts.count < (field.takesMany ? Self.filesOfField : 1) else {
            throw Problem(.invalidOption, "There are too many files in '\(name)'.", parameter: name)
        }
        uploads[name] = upload
        try upload.begin(try FileName.checked(fileName, among: upload.parts.map(\.name), field: name))
        target = .file(upload, field)
        start = []
    }

    /// Rejects an unexpected field before its content arrives.
    private func check(_ name: String, isFile: Bool) throws(Problem) {
        let files = fileFields.map(\.name)
        guard textFields.contains(name) || files.contains(name) else {
            let nearest = Spelling.nearest(to: name, among: files + textFields)
            throw Problem(
                .unknownOption, "There is no field '\(name)'.", hint: nearest.map { "did you mean '\($0)'?" },
                parameter: name)
        }
        guard !isFile || name == Self.textFileField else {
            throw Problem(
                .invalidOption, "The field '\(name)' came as a file.",
                hint: "files are sent as " + files.map { "'\($0)'" }.joined(separator: ", "), parameter: name)
        }
    }

    func append(_ bytes: Span<UInt8>) throws {
        switch target {
        case .file(let upload, let field):
            if var start {
                for index in bytes.indices.prefix(RefusedFormat.lengthOfStart - start.count) {
                    start.append(bytes[index])
                }
                try Pickle.reject(start, field: field)
                self.start = start.count < RefusedFormat.lengthOfStart ? start : nil
            }
            try upload.append(bytes)
        case .field(let name):
            guard text.count + bytes.count <= Self.fieldBytes else {
                let isFile = fileFields.contains { $0.name == name }
                throw Problem(
                    .invalidOption, "The field '\(name)' is longer than \(Self.fieldBytes) bytes.",
                    hint: isFile ? "send it as a file: -F \(name)=@FILE" : nil, parameter: name)
            }
            textBytes += bytes.count
            guard textBytes <= Self.formBytes else {
                throw Problem(
                    .malformedRequest, "The fields of the form are longer than \(Self.formBytes) bytes together.",
                    parameter: name)
            }
            try share.take(bytes.count)
            for index in bytes.indices { text.append(bytes[index]) }
        case nil: break
        }
    }

    func end() throws {
        switch target {
        case .file(let upload, _): try upload.end()
        case .field(let name):
            guard let value = String(validating: text, as: UTF8.self) else {
                throw Problem(.malformedRequest, "The field '\(name)' is not UTF-8.", parameter: name)
            }
            let isFile = fileFields.contains { $0.name == name }
            guard !isFile || textFields.contains(name) && value.startsWithBytes(of: "file_") else {
                throw Problem(
                    .invalidOption, "The field '\(name)' came as text.", hint: "send it as a file: -F \(name)=@FILE",
                    parameter: name)
            }
            fields.append((name, value))
            text = []
        case nil: break
        }
        target = nil
    }
}
