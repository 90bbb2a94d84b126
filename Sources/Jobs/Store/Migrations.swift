import GRDB

/// The schema as numbered migrations, which are never edited once released.
enum Migrations {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 jobs, events and files") { database in
            try database.execute(sql: jobs)
            try database.execute(sql: statusChanges)
            try database.execute(sql: events)
            try database.execute(sql: files)
        }
        migrator.registerMigration("2 warnings by job, running time") { database in
            // A job may have a hundred thousand events, and each response about a job lists its warnings.
            try database.execute(sql: "CREATE INDEX events_warnings ON events (job_id, id) WHERE type = 'warning'")
            try database.execute(
                sql: "ALTER TABLE jobs ADD COLUMN running_seconds REAL NOT NULL DEFAULT 0 CHECK (running_seconds >= 0)")
        }
        migrator.registerMigration("3 uploads are folders alone") { database in
            try database.execute(sql: "DROP TABLE files")
        }
        migrator.registerMigration("4 finishing early") { database in
            try database.execute(
                sql: """
                    ALTER TABLE jobs ADD COLUMN finish_requested INTEGER NOT NULL DEFAULT 0
                        CHECK (finish_requested IN (0, 1))
                    """)
        }
        return migrator
    }

    private static let jobs = """
        CREATE TABLE jobs (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            client_id TEXT UNIQUE,
            body_digest TEXT,
            status TEXT NOT NULL
                CHECK (status IN ('validating_files', 'queued', 'running', 'succeeded', 'failed', 'cancelled')),
            phase TEXT,
            payload BLOB NOT NULL,
            metadata BLOB NOT NULL,
            result BLOB,
            error BLOB,
            progress BLOB,
            attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
            lease_token TEXT,
            lease_expires_at INTEGER,
            available_at INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
            cpu_seconds REAL NOT NULL DEFAULT 0 CHECK (cpu_seconds >= 0),
            peak_memory_bytes INTEGER NOT NULL DEFAULT 0 CHECK (peak_memory_bytes >= 0),
            revision INTEGER NOT NULL DEFAULT 1,
            last_event_id INTEGER NOT NULL DEFAULT 0,
            CHECK ((client_id IS NULL) = (body_digest IS NULL)),
            CHECK ((status = 'running') = (lease_token IS NOT NULL)),
            CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL)),
            CHECK ((status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
            CHECK ((status = 'succeeded') = (result IS NOT NULL)),
            CHECK ((status = 'failed') = (error IS NOT NULL))
        );
        CREATE INDEX jobs_by_status ON jobs (status, sequence);
        """

    /// The trigger that enforces ``JobStatus/successors`` in the database.
    private static let statusChanges = """
        CREATE TRIGGER job_status_changes BEFORE UPDATE OF status ON jobs
        WHEN NEW.status <> OLD.status AND (OLD.status || ' to ' || NEW.status) NOT IN (
            'validating_files to queued', 'validating_files to failed', 'validating_files to cancelled',
            'queued to running', 'queued to cancelled',
            'running to queued', 'running to succeeded', 'running to failed', 'running to cancelled'
        )
        BEGIN
            SELECT RAISE(ABORT, 'a job cannot change its status in this way');
        END;
        """

    private static let events = """
        CREATE TABLE events (
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            id INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            level TEXT NOT NULL,
            type TEXT NOT NULL,
            message TEXT NOT NULL,
            data BLOB,
            PRIMARY KEY (job_id, id)
        ) WITHOUT ROWID;
        """

    private static let files = """
        CREATE TABLE files (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            purpose TEXT NOT NULL,
            filename TEXT NOT NULL,
            bytes INTEGER NOT NULL CHECK (bytes >= 0),
            sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
            created_at INTEGER NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('uploaded', 'processed', 'error'))
        );
        CREATE INDEX files_by_digest ON files (sha256);
        """
}
