import Jobs
import Logging

/// Deletes what has been kept long enough.
struct Sweeper {
    let store: SQLiteJobStore
    let artifacts: ArtifactStore
    let jobs: JobDesk
    let logger: Logger

    private static let interval = Duration.seconds(60)

    /// Looks once a minute until the task is cancelled.
    func run(keeping seconds: Int, now: @Sendable () -> Int) async {
        while !Task.isCancelled {
            do {
                try await sweep(before: now() - seconds)
            } catch {
                logger.error("old jobs cannot be deleted", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// Deletes jobs that ended, and files that came, before a moment. Jobs keep their own names for the bytes of their files.
    func sweep(before moment: Int) async throws {
        var after: String?
        repeat {
            let known = after
            let page = try await store.perform { store throws(JobsError) in try store.list(limit: 100, after: known) }
            after = page.hasMore ? page.elements.last?.id : nil
            for job in page.elements where job.finishedAt.map({ $0 < moment }) == true {
                // A page starts after a job that has to be there still.
                if job.id == after { continue }
                try await store.perform { store throws(JobsError) in try store.delete(job.id) }
                jobs.removeFolder(of: job.id)
            }
        } while after != nil
        for file in artifacts.files where file.createdAt < moment { _ = try artifacts.delete(file.id) }
    }
}
