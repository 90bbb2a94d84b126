/// The database row of an uploaded file, whose bytes are stored separately.
///
/// The row is committed after the bytes are renamed into place and synced, so that each row has its file.
package struct StoredFile: Sendable, Equatable, Identifiable {
    package enum Status: String, Sendable, Hashable, CaseIterable {
        case uploaded
        case processed
        case error
    }

    /// The id: `file_` and 26 characters that sort by time of creation.
    package var id: String
    package var purpose: String
    /// The client's name for the file; shown, never used as a path.
    package var filename: String
    package var bytes: Int
    /// The digest in lower-case hexadecimal.
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
