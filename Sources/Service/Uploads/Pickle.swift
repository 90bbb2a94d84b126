import JobContract

/// Rejects uploads that could run code.
enum Pickle {
    /// Rejects a file by its first bytes.
    ///
    /// - Parameters:
    ///   - start: up to ``RefusedFormat/lengthOfStart`` bytes
    ///   - field: the field of the file
    /// - Throws: ``Problem`` with `pickle_rejected`.
    static func reject(_ start: [UInt8], field: FormUploadReader.FileField) throws(Problem) {
        guard RefusedFormat.format(start, isModel: field.isModel) != nil else { return }
        throw refusal(field)
    }

    /// Rejects a stored file, used as a model, by its first bytes.
    static func reject(modelAt path: String, field: FormUploadReader.FileField) throws(Problem) {
        if RefusedFormat.format(ofFile: path) != nil { throw refusal(field) }
    }

    private static func refusal(_ field: FormUploadReader.FileField) -> Problem {
        Problem(
            .pickleRejected, "pickle files can run code; export with torch.onnx.export",
            hint: "a model is an .onnx file, data are an .npz, .npy, .csv or .safetensors file", parameter: field.name)
    }
}
