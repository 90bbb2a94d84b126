import Foundation

/// Formats that run code when they are read, known by the first bytes of a file.
package enum RefusedFormat {
    package static let lengthOfStart = 4

    /// What a file that is given as a model is instead; nil when it may be one.
    package static func format(ofFile path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let start = try? file.read(upToCount: lengthOfStart) else { return nil }
        return format(Array(start), isModel: true)
    }

    /// The same by up to ``lengthOfStart`` bytes, for a model or for data.
    package static func format(_ start: [UInt8], isModel: Bool) -> String? {
        // Protocol 2 and later begin with 0x80 and the protocol's number.
        if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) { return "a pickle" }
        // `torch.save` writes a zip with a pickle inside; an .npz is a zip too, but never a model.
        if isModel, start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return "a zip, as torch.save writes it" }
        return nil
    }
}
