import ByteText
import JobContract

/// A class, because it owns the uploads of a request, and they go with it unless they are committed.
///
/// It is fed a multipart body part by part. Files go to disk as they arrive; fields are small and kept as text.
final class FormUploadReader {
    /// A field that holds files.
    struct FileField {
        let name: String
        /// Whether several files belong together, as an ONNX model and its external data do.
        var takesMany = false
        /// Whether a zip is refused: `torch.save` writes one, ONNX never is one.
        var isModel = false
    }

    private enum Target {
        case file(Upload, FileField)
        case field(String)
    }

    /// The longest field; options are words and numbers, a configuration a page.
    static let fieldBytes = 64 << 10
    static let fieldLimit = 100
    static let filesOfField = 64
    /// All fields of a form together.
    static let formBytes = 1 << 20

    /// By the name of their field.
    private(set) var uploads: [String: Upload] = [:]
    /// Fields in the order in which they came; a name may come again.
    private(set) var fields: [(name: String, text: String)] = []

    private let fileFields: [FileField]
    /// Fields that may hold text; one of them may be a file field as well, and then its text is the id of a file.
    private let textFields: [String]
    private let makeUpload: () throws(StorageError) -> Upload
    private var target: Target?
    private var text: [UInt8] = []
    private var textBytes = 0
    private let share: MemoryBudget.Share
    /// The first bytes of a file, until there are enough to know what it is.
    private var start: [UInt8]?

    /// The one text that may come as a file: all options in JSON.
    private static let textFileField = "config"

    init(
        fileFields: [FileField], textFields: [String] = [], memory: MemoryBudget,
        makeUpload: @escaping () throws(StorageError) -> Upload
    ) {
        share = MemoryBudget.Share(of: memory)
        self.fileFields = fileFields
        self.textFields = textFields
        self.makeUpload = makeUpload
    }

    /// Begins a part.
    ///
    /// - Parameters:
    ///   - name: the field
    ///   - fileName: as the client called the file; nil for a plain field
    /// - Throws: ``Problem`` for a field that is not asked for or comes too often.
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

    /// Refuses a field before its content comes.
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
                try Pickle.refuse(start, field: field)
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
