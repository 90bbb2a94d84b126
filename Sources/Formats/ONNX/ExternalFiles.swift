import Glibc
import SystemCalls

/// The external data files of a model, restricted to the model's own folder.
///
/// - SeeAlso: onnx/docs/ExternalData.md
struct ExternalFiles {
    private let folder: String
    private var files: [String: MappedFile] = [:]

    init(folder: String) { self.folder = folder }

    /// Maps the file of external tensors.
    ///
    /// The location must be a plain file name, and the file must be a regular one with a single link: a symbolic or
    /// hard link would lead out of the folder.
    mutating func open(_ location: String, for tensors: [ONNXModel.TensorMessage]) throws(FormatError) {
        // Bytes are compared, because one `Character` may be a slash with an accent.
        let isPlain = location.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") }
        guard isPlain, location != "", location != ".", location != ".." else {
            throw .invalidONNX(
                "external data must lie beside the model, not at '\(location)': save the model again with a plain location"
            )
        }
        guard let directory = try? FileDescriptor(opening: folder, O_RDONLY | O_DIRECTORY) else {
            throw .unreadable(folder, reason: "not a folder")
        }
        var status = stat()
        guard unsafe fstatat(directory.raw, location, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            let byteCount = tensors.reduce(0) { $0 &+ $1.declaredByteCount }
            throw .missingExternalData(file: location, tensors: tensors.count, byteCount: byteCount)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw linked(location) }
        let file = try MappedFile(location, in: directory.raw)
        guard file.status.st_nlink == 1 else { throw linked(location) }
        files[location] = file
    }

    private func linked(_ location: String) -> FormatError {
        .invalidONNX("external data '\(location)' is a link and not a file of its own: put a copy there")
    }

    /// The bytes of a tensor, checked to lie inside their file.
    func region(of message: ONNXModel.TensorMessage, byteCount: Int) throws(FormatError) -> Bytes {
        guard let location = message.external["location"], let file = files[location] else {
            throw .invalidONNX("tensor '\(message.name)' does not say which file holds it")
        }
        let offset = try number(message, "offset", default: 0)
        let length = try number(message, "length", default: byteCount)
        guard offset <= file.byteCount, length <= file.byteCount - offset else {
            throw .invalidONNX(
                "tensor '\(message.name)' has \(length) bytes from byte \(offset) on in '\(location)', "
                    + "which ends at \(file.byteCount)")
        }
        return Bytes(file: file, range: offset..<(offset + length))
    }

    /// Parses a number of digits only: `Int` would accept a sign.
    private func number(
        _ message: ONNXModel.TensorMessage, _ key: String, default missing: Int
    ) throws(FormatError) -> Int {
        guard let text = message.external[key] else { return missing }
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else {
            throw .invalidONNX("tensor '\(message.name)' has the \(key) '\(text)'")
        }
        return number
    }
}

extension ONNXModel.TensorMessage {
    /// The number of bytes that the tensor declares, unchecked; used in error messages only.
    fileprivate var declaredByteCount: Int {
        let sizes = self.sizes.map { Int(clamping: max(0, $0)) }
        return external["length"].flatMap { Int($0) } ?? sizes.reduce(4, &*)
    }
}

extension String {
    /// The part before the last slash, split by bytes: one `Character` may be a slash with an accent.
    var folder: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == utf8.startIndex ? "/" : String(decoding: utf8[..<slash], as: UTF8.self)
    }

    /// The part after the last slash.
    var fileName: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return self }
        return String(decoding: utf8[utf8.index(after: slash)...], as: UTF8.self)
    }
}
