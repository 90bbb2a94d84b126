import Foundation

/// Formats that run code when they are read.
enum Pickle {
    static let lengthOfStart = 4

    /// Refuses a file by its first bytes.
    ///
    /// - Parameters:
    ///   - start: up to ``lengthOfStart`` bytes
    ///   - field: where the file was sent
    /// - Throws: ``Problem`` with `pickle_rejected`.
    static func refuse(_ start: [UInt8], field: Intake.FileField) throws(Problem) {
        guard format(start, isModel: field.isModel) != nil else { return }
        throw refusal(field)
    }

    /// Refuses a stored file that is to be a model by its first bytes.
    static func refuse(modelAt path: String, field: Intake.FileField) throws(Problem) {
        if format(ofFile: path) != nil { throw refusal(field) }
    }

    private static func refusal(_ field: Intake.FileField) -> Problem {
        Problem(
            .pickleRejected, "pickle files can run code; export with torch.onnx.export",
            hint: "a model is an .onnx file, data are an .npz or .safetensors file", parameter: field.name)
    }

    /// What a file that is given as a model is instead; nil when it may be one.
    static func format(ofFile path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let start = try? file.read(upToCount: lengthOfStart) else { return nil }
        return format(Array(start), isModel: true)
    }

    private static func format(_ start: [UInt8], isModel: Bool) -> String? {
        // Protocol 2 and later begin with 0x80 and the protocol's number.
        if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) { return "a pickle" }
        // `torch.save` writes a zip with a pickle inside; an .npz is a zip too, but never a model.
        if isModel, start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return "a zip, as torch.save writes it" }
        return nil
    }
}
