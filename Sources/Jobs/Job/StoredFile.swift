/// What the database knows about an uploaded file; its bytes lie elsewhere.
///
/// The row is committed after the bytes are renamed into place and synced, so that a row always has its file.
package struct StoredFile: Sendable, Equatable, Identifiable {
    package enum Status: String, Sendable, Hashable, CaseIterable {
        case uploaded
        case processed
        case error
    }

    /// `file_` and 26 characters that sort by time of creation.
    package var id: String
    package var purpose: String
    /// As the client called it: shown, never used as a path.
    package var filename: String
    package var bytes: Int
    /// Lower-case hexadecimal.
    package var sha256: String
    package var createdAt: UnixSeconds
    package var status: Status

    package init(
        id: String, purpose: String, filename: String, bytes: Int, sha256: String, createdAt: UnixSeconds,
        status: Status = .uploaded
    ) {
        self.id = id
        self.purpose = purpose
        self.filename = filename
        self.bytes = bytes
        self.sha256 = sha256
        self.createdAt = createdAt
        self.status = status
    }
}
