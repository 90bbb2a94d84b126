import ByteText

/// An error in a file from outside. Messages say what is wrong, where, and how to fix it.
package enum FormatError: Error, CustomStringConvertible {
    case unreadable(String, reason: String)
    case unwritable(String, reason: String)
    /// The disk has no room for the file.
    case noRoom(String)
    case invalidONNX(String)
    /// All nodes that cannot be run.
    case unsupportedOperator([UnsupportedNode])
    case unsupportedOpset(String)
    case unsupportedType(String)
    case quantized(String)
    case missingExternalData(file: String, tensors: Int, byteCount: Int)
    case pickle
    /// An array of Python objects.
    case objects(String)
    /// A data file that is damaged or of another format.
    case data(String)
    /// Missing keys of a data file.
    case key(String)
    case shape(String)
    case label(String)
    case notANumber(String)
    case tooLarge(String)
    case memory(byteCount: Int)

    /// The error code of the API.
    package var code: String {
        switch self {
        case .unreadable, .invalidONNX: "invalid_onnx"
        case .unsupportedOperator: "unsupported_operator"
        case .unsupportedOpset: "unsupported_opset"
        case .unsupportedType: "unsupported_dtype"
        case .quantized: "quantized_model"
        case .missingExternalData: "missing_external_data"
        case .pickle, .objects: "pickle_rejected"
        case .data: "invalid_data"
        case .key: "dataset_key_mismatch"
        case .shape: "shape_mismatch"
        case .label: "label_out_of_range"
        case .notANumber: "nan_in_data"
        case .tooLarge: "file_too_large"
        case .memory: "memory_limit"
        case .unwritable, .noRoom: "disk_full"
        }
    }

    /// True when the elements of an array are of a type that cannot be read.
    var isOfType: Bool {
        switch self {
        case .objects, .unsupportedType: true
        default: false
        }
    }

    package var description: String {
        let scalars = whole.unicodeScalars
        return scalars.count <= Self.longest ? String(scalars) : String(scalars.prefix(Self.longest)) + "..."
    }

    /// The maximum length in scalars: a name may be as long as its file, and so may one `Character` with its accents.
    private static let longest = 1000

    private var whole: String {
        switch self {
        case .unreadable(let file, let reason): "'\(file)' cannot be read: \(reason)"
        case .unwritable(let file, let reason): "'\(file)' cannot be written: \(reason)"
        case .noRoom(let file): "'\(file)' cannot be written: there is no room left on the disk"
        case .invalidONNX(let what), .unsupportedOpset(let what), .unsupportedType(let what), .quantized(let what),
            .data(let what), .key(let what), .shape(let what), .label(let what), .notANumber(let what),
            .tooLarge(let what):
            what
        case .unsupportedOperator(let nodes):
            "the model uses what cannot be run: " + nodes.prefix(10).map(\.description).joined(separator: ", ")
                + (nodes.count > 10 ? " and \(nodes.count - 10) more" : "")
        case .missingExternalData(let file, let tensors, let byteCount):
            "missing external data file '\(file)' (\(tensors) tensor\(tensors == 1 ? "" : "s"), \(NumberFormat.grouped(byteCount)) bytes): "
                + "add -F model=@\(file), or export with external_data=False"
        case .objects(let key):
            "array '\(key)' holds Python objects, a pickle that can run code: save it as float32 or int64"
        case .pickle: "pickle files can run code; export with torch.onnx.export"
        case .memory(let byteCount): "there is no memory for another \(byteCount) bytes"
        }
    }
}
