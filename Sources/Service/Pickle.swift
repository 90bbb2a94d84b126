/// Formats that run code when they are read.
enum Pickle {
    static let lengthOfStart = 4

    /// Refuses a file by its first bytes.
    ///
    /// - Parameters:
    ///   - start: up to ``lengthOfStart`` bytes
    ///   - field: where the file was sent
    static func refuse(_ start: [UInt8], field: Intake.FileField) throws(Problem) {
        // Protocol 2 and later begin with 0x80 and the protocol's number.
        let isPickle = start.count > 1 && start[0] == 0x80 && (2...5).contains(start[1])
        // `torch.save` writes a zip with a pickle inside; an .npz is a zip too, but never a model.
        let isZip = field.isModel && start.starts(with: [0x50, 0x4B, 0x03, 0x04])
        guard isPickle || isZip else { return }
        throw Problem(
            .pickleRejected, "pickle files can run code; export with torch.onnx.export",
            hint: "a model is an .onnx file, data are an .npz or .safetensors file", parameter: field.name)
    }
}
