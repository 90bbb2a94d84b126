import JobContract
import Jobs
import Logging

/// Deletes jobs and files at the end of their retention.
struct Sweeper {
    let store: SQLiteJobStore
    let artifacts: ArtifactStore
    let jobs: JobFolders
    let reserve: DiskReserve
    let logger: Logger

    private static let interval = Duration.seconds(60)

    /// Sweeps once a minute until the task is cancelled.
    ///
    /// - Parameters:
    ///   - seconds: the retention; nil keeps jobs and files until a client deletes them
    ///   - now: the time by a clock that never steps, because a step would delete everything
    func run(keeping seconds: Int?, now: @Sendable () -> Int) async {
        while !Task.isCancelled {
            do {
                reserve.restore()
                try jobs.removeLost(at: now())
                if let seconds { try await sweep(before: now() - seconds) }
            } catch {
                logger.error("old jobs cannot be deleted", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// Deletes jobs that ended and files that arrived before `moment`. Jobs keep their own links to the bytes of their
    /// files.
    func sweep(before moment: Int) async throws {
        let ended = try await store.perform { store throws(JobsError) in try store.ended(before: moment) }
        for id in ended {
            do throws(JobsError) {
                try await store.perform { store throws(JobsError) in try store.delete(id) }
            } catch .notFound {
                // A request deleted it first.
            }
            jobs.removeFolder(of: id)
        }
        for file in artifacts.files where file.createdAt < moment { _ = try artifacts.delete(file.id) }
    }
}
