import Foundation
import HTTP
import JobContract
package import SystemCalls

/// An upload in progress. A class because it owns a temporary folder, which is removed with it unless committed.
package final class Upload {
    package let id: String
    let folder: String
    package private(set) var parts: [StoredFile.Part] = []

    private var open: (name: String, file: DurableFile, hash: SHA256, bytes: Int)?

    init(id: String, folder: String) throws(SystemError) {
        (self.id, self.folder) = (id, folder)
        try DurableFile.makeFolder(folder)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Begins the next part.
    package func begin(_ name: String) throws(SystemError) {
        precondition(open == nil, "the part before has not ended")
        open = (name, try DurableFile(creating: "\(folder)/\(parts.count)"), SHA256(), 0)
    }

    package func append(_ bytes: Span<UInt8>) throws(SystemError) {
        precondition(open != nil, "no part has begun")
        try open?.file.write(bytes)
        open?.hash.update(bytes)
        open?.bytes += bytes.count
    }

    package func end() throws(SystemError) {
        guard let part = open else { return }
        open = nil
        try part.file.finish()
        let digest = part.hash.finish()
        parts.append(StoredFile.Part(name: part.name, bytes: part.bytes, digest: digest))
    }
}
