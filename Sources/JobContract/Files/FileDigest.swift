import Foundation

/// The size and the digest of a file.
package enum FileDigest {
    private static let chunkBytes = 1 << 20

    package static func byteCount(_ path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }

    /// The digest of a file: `sha256:` and 64 hexadecimal digits.
    package static func sha256(_ path: String) throws -> String {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        let hash = SHA256()
        while let chunk = try file.read(upToCount: chunkBytes), !chunk.isEmpty { hash.update(Array(chunk).span) }
        return "sha256:" + hash.finish()
    }
}
