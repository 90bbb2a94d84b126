import GRDB

/// The rows of stored files.
extension SQLiteJobStore {
    /// Commits the row of a file whose bytes are already in place and synced.
    package func add(_ file: StoredFile) throws(JobsError) {
        try write { database in
            try database.execute(
                sql: """
                    INSERT INTO files (id, purpose, filename, bytes, sha256, created_at, status)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    file.id, file.purpose, file.filename, file.bytes, file.sha256, file.createdAt, file.status.rawValue,
                ])
        }
    }

    /// The row of a file.
    ///
    /// - Throws: ``JobsError/notFound`` when there is none
    package func findFile(_ id: String) throws(JobsError) -> StoredFile {
        let rows = try files("WHERE id = ?", [id])
        guard let file = rows.first else { throw .notFound }
        return file
    }

    /// The newest file with these bytes.
    package func findFile(sha256: String) throws(JobsError) -> StoredFile? {
        try files("WHERE sha256 = ? ORDER BY sequence DESC LIMIT 1", [sha256]).first
    }

    /// Lists files, newest first.
    ///
    /// - Parameters:
    ///   - limit: the maximum number of files
    ///   - after: the id of the last file of the previous page
    ///   - purpose: the purpose of the files; nil for all
    /// - Returns: the page, and whether older files follow
    /// - Throws: ``JobsError/notFound`` when `after` is not a file
    package func listFiles(
        limit: Int, after: String? = nil, purpose: String? = nil
    ) throws(JobsError) -> Page<StoredFile> {
        if let after { _ = try findFile(after) }
        let found = try files(
            """
            WHERE (?1 IS NULL OR sequence < (SELECT sequence FROM files WHERE id = ?1)) AND (?2 IS NULL OR purpose = ?2)
            ORDER BY sequence DESC LIMIT ?3
            """, [after, purpose, limit + 1])
        return Page(elements: Array(found.prefix(limit)), hasMore: found.count > limit)
    }

    /// Every file, oldest first, for the comparison with the disk when the server starts.
    package func allFiles() throws(JobsError) -> [StoredFile] { try files("ORDER BY sequence", []) }

    package func setFileStatus(_ id: String, _ status: StoredFile.Status) throws(JobsError) {
        try write { database in
            try database.execute(sql: "UPDATE files SET status = ? WHERE id = ?", arguments: [status.rawValue, id])
            guard database.changesCount == 1 else { throw JobsError.notFound }
        }
    }

    /// Deletes the row of a file. The caller removes the bytes afterwards.
    package func deleteFile(_ id: String) throws(JobsError) {
        try write { database in
            try database.execute(sql: "DELETE FROM files WHERE id = ?", arguments: [id])
            guard database.changesCount == 1 else { throw JobsError.notFound }
        }
    }

    private func files(
        _ clause: String, _ arguments: [(any DatabaseValueConvertible)?]
    ) throws(JobsError) -> [StoredFile] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM files \(clause)", arguments: StatementArguments(arguments))
                .map(StoredFile.init(row:))
        }
    }
}

extension StoredFile {
    init(row: Row) throws {
        guard let status = Status(rawValue: row["status"]) else { throw JobsError.notFound }
        self.init(
            id: row["id"], purpose: row["purpose"], filename: row["filename"], bytes: row["bytes"],
            sha256: row["sha256"], createdAt: row["created_at"], status: status)
    }
}
