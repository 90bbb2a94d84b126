/// A class, because it owns the uploads of a job that is being posted, and they go with it unless they are committed.
///
/// It is fed a multipart body part by part. Files go to disk as they arrive; fields are small and kept as text.
final class JobIntake {
    private enum Target {
        case file(Upload)
        case field(String)
    }

    /// The longest field; options are words and numbers, a configuration a page.
    static let fieldBytes = 64 << 10
    static let fileFields = ["model", "data", "validation_data"]

    private(set) var model: Upload?
    private(set) var data: Upload?
    private(set) var validationData: Upload?
    /// Fields in the order in which they came; a name may come again.
    private(set) var fields: [(name: String, text: String)] = []

    private let makeUpload: () throws(StorageError) -> Upload
    private var target: Target?
    private var text: [UInt8] = []
    private var isFirstPiece = true
    private var isModel = false

    init(makeUpload: @escaping () throws(StorageError) -> Upload) { self.makeUpload = makeUpload }

    /// Begins a part.
    ///
    /// - Parameters:
    ///   - name: the field
    ///   - fileName: as the client called the file; nil for a plain field
    func begin(_ name: String, fileName: String?) throws {
        isFirstPiece = true
        text = []
        isModel = name == "model"
        guard let fileName, Self.fileFields.contains(name) else {
            target = .field(name)
            return
        }
        let known: Upload? =
            switch name {
            case "model": model
            case "data": data
            default: validationData
            }
        if known != nil, !isModel {
            throw Problem(.invalidOption, "'\(name)' came twice; one file is expected.", parameter: name)
        }
        let upload = try known ?? makeUpload()
        switch name {
        case "model": model = upload
        case "data": data = upload
        default: validationData = upload
        }
        try upload.begin(try FileName.checked(fileName, among: upload.parts.map(\.name), field: name))
        target = .file(upload)
    }

    func append(_ bytes: Span<UInt8>) throws {
        switch target {
        case .file(let upload):
            if isFirstPiece, bytes.count > 0 {
                isFirstPiece = false
                try Pickle.refuse(bytes, isModel: isModel)
            }
            try upload.append(bytes)
        case .field(let name):
            guard text.count + bytes.count <= Self.fieldBytes else {
                let hint = Self.fileFields.contains(name) ? "send it as a file: -F \(name)=@FILE" : nil
                throw Problem(
                    .invalidOption, "The field '\(name)' is longer than \(Self.fieldBytes) bytes.", hint: hint,
                    parameter: name)
            }
            for index in bytes.indices { text.append(bytes[index]) }
        case nil: break
        }
    }

    func end() throws {
        switch target {
        case .file(let upload): try upload.end()
        case .field(let name):
            guard let value = String(validating: text, as: UTF8.self) else {
                throw Problem(.malformedRequest, "The field '\(name)' is not UTF-8.", parameter: name)
            }
            fields.append((name, value))
        case nil: break
        }
        target = nil
    }
}

/// Formats that run code when they are read.
enum Pickle {
    /// - Parameter bytes: the first bytes of a file
    static func refuse(_ bytes: Span<UInt8>, isModel: Bool) throws(Problem) {
        // Protocol 2 and later begin with 0x80 and the protocol's number.
        let isPickle = bytes.count > 1 && bytes[0] == 0x80 && (2...5).contains(bytes[1])
        // `torch.save` writes a zip with a pickle inside; an .npz is a zip too, but never a model.
        let isZip = bytes.count > 3 && bytes[0] == 0x50 && bytes[1] == 0x4B && bytes[2] == 3 && bytes[3] == 4
        guard isPickle || isModel && isZip else { return }
        throw Problem(
            .pickleRejected, "pickle files can run code; export with torch.onnx.export",
            hint: isModel ? "torch.onnx.export(model, example, \"model.onnx\")" : "numpy.savez(\"data.npz\", x=x, y=y)",
            parameter: isModel ? "model" : "data")
    }
}

/// The names that clients give their files: kept, because external data are found by them, and never used as a path by us.
enum FileName {
    static let maximumBytes = 255

    /// The last component of a name, if it can be the name of a file.
    static func checked(_ name: String, among taken: [String], field: String) throws(Problem) -> String {
        let last = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        let isPlain = last.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        guard isPlain, !last.isEmpty, !last.hasPrefix("."), last.utf8.count <= maximumBytes else {
            throw Problem(.invalidOption, "'\(field)' has a file name that cannot be used.", parameter: field)
        }
        guard !taken.contains(last) else {
            throw Problem(.invalidOption, "Two files of '\(field)' are called '\(last)'.", parameter: field)
        }
        return last
    }
}
