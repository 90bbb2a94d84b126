import Foundation
import Jobs
package import Logging

/// The service as a whole. A class, because it owns the queue, the children and the listening socket.
package final class Application: Sendable {
    private let supervisor: Supervisor
    private let listener: Listener
    let responder: Responder
    private let sweeper: Task<Void, Never>?
    private let stopping: StopFlag
    private let logger: Logger

    /// Where it listens.
    package var port: UInt16 { listener.port }

    /// Opens the data directory, takes up what an earlier process left, and listens.
    ///
    /// - Parameters:
    ///   - configuration: what to run with
    ///   - executable: the program that does the jobs, absolute: `compress FOLDER` and `inspect MODEL` are its arguments
    ///   - logger: gets what clients do not see
    /// - Throws: whatever keeps it from starting.
    package init(configuration: Configuration, executable: String, logger: Logger) async throws {
        let folder = URL(filePath: configuration.dataDirectory).standardizedFileURL.path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
        let store = try SQLiteJobStore(path: folder + "/queue.sqlite")
        let artifacts = try ArtifactStore(dataDirectory: folder)
        for id in artifacts.damaged { logger.error("a stored file is damaged", metadata: ["file": "\(id)"]) }
        let jobs = try JobDesk(dataDirectory: folder)
        let orphans = jobs.removeFolders { (try? store.find($0)) != nil }
        for id in orphans { logger.notice("a folder without a job was deleted", metadata: ["job": "\(id)"]) }

        let now: @Sendable () -> Int = { Int(Date.now.timeIntervalSince1970) }
        let stopping = StopFlag()
        let plans = PlanRunner(
            executable: executable, dataDirectory: folder, timeout: configuration.planTimeout,
            memoryBytes: configuration.planMemoryBytes, logger: logger)
        let routes = Routes(
            configuration: configuration, store: store, artifacts: artifacts, jobs: jobs, plans: plans, logger: logger,
            now: now, isStopping: { stopping.isSet })
        supervisor = Supervisor(
            store: store, settings: SupervisorSettings(configuration),
            command: { jobs.command(for: $0, executable: executable, configuration: configuration) },
            ended: { jobs.folder(of: $0.id).removeCheckpoints() }, now: now, logger: logger)
        responder = Responder(routes: routes)
        listener = try await Listener(configuration: configuration, responder: responder, logger: logger)
        try supervisor.start()
        // An earlier server may have died between the end of a job and the removal of what it had reached.
        jobs.removeCheckpoints { (try? store.find($0))?.status.isFinal ?? false }
        sweeper = configuration.retentionSeconds.map { seconds in
            Task {
                await Sweeper(store: store, artifacts: artifacts, jobs: jobs, logger: logger)
                    .run(keeping: seconds, now: now)
            }
        }
        self.stopping = stopping
        self.logger = logger
        logger.notice(
            "listening",
            metadata: [
                "host": "\(configuration.host)", "port": .stringConvertible(listener.port),
                "data_directory": "\(folder)",
            ])
    }

    /// Takes no more requests, lets the running ones end, and puts running jobs back into the queue.
    package func stop() async {
        stopping.set()
        responder.routes.store.wakeAll()
        sweeper?.cancel()
        async let closed: Void = listener.stop()
        await supervisor.stop()
        await closed
        logger.notice("stopped")
    }
}

extension SupervisorSettings {
    fileprivate init(_ configuration: Configuration) {
        self.init()
        concurrency = configuration.runningJobs
        attempts = configuration.jobAttempts
        stopGrace = configuration.drain
    }
}

extension JobDesk {
    /// What runs a job: this program again, as a user would run it at the terminal.
    func command(for job: Job, executable: String, configuration: Configuration) -> JobCommand {
        let wanted = JobOrder(stored: job.payload)?.options["deadline_seconds"]?.int
        let deadline = [wanted, configuration.jobDeadlineSeconds].compactMap(\.self).min()
        return JobCommand(
            executable: executable, arguments: ["compress", folder(of: job.id).path],
            workingDirectory: folder(of: job.id).temporary,
            environment: ChildEnvironment.variables, memoryLimitBytes: configuration.jobMemoryBytes,
            deadlineSeconds: deadline)
    }
}
