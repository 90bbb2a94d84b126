import Foundation

/// File formats that can run code when they are read, recognised by the first bytes.
package enum RefusedFormat {
    package static let lengthOfStart = 4

    /// The refused format of a file used as a model; nil when it may be one.
    package static func format(ofFile path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let start = try? file.read(upToCount: lengthOfStart) else { return nil }
        return format(Array(start), isModel: true)
    }

    /// The refused format of a model or of data with these first bytes, up to ``lengthOfStart``; nil when there is
    /// none.
    package static func format(_ start: [UInt8], isModel: Bool) -> String? {
        // Pickle protocols 2 and later begin with 0x80 and the protocol's number.
        if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) { return "a pickle" }
        // `torch.save` writes a zip with a pickle inside; an .npz is a zip too, but never a model.
        if isModel, start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return "a zip, as torch.save writes it" }
        return nil
    }
}
