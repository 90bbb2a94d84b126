import Foundation
import Glibc
import JobContract
import Jobs
package import Logging
import SystemCalls

/// The server as a whole. A class because it owns the queue, the job processes and the listening socket.
package final class Application: Sendable {
    private let supervisor: Supervisor
    private let listener: Listener
    let responder: Responder
    private let sweeper: Task<Void, Never>
    private let stopping: StopFlag
    private let logger: Logger

    /// The memory that all requests together may hold for fields and JSON.
    private static let requestTextBytes = 8 << 20

    /// The port that it listens on.
    package var port: UInt16 { listener.port }

    /// Opens the data directory, recovers the state of an earlier process, and starts listening.
    ///
    /// - Parameters:
    ///   - configuration: the configuration of the server
    ///   - executable: the absolute path of the program that runs `compress FOLDER`, `check FOLDER` and `inspect MODEL`
    ///   - logger: receives what clients do not see
    /// - Throws: any error that prevents the start.
    package init(configuration: Configuration, executable: String, logger: Logger) async throws {
        let descriptors = DescriptorLimit.raise()
        let folder = URL(filePath: configuration.dataDirectory).standardizedFileURL.path
        try Self.claim(folder)
        let store = try SQLiteJobStore(path: folder + "/queue.sqlite")
        let artifacts = try ArtifactStore(dataDirectory: folder)
        for id in artifacts.damaged { logger.error("a stored file is damaged", metadata: ["file": "\(id)"]) }
        let jobs = try JobFolders(dataDirectory: folder)
        let now: @Sendable () -> Int = { Int(Date.now.timeIntervalSince1970) }
        let steady = SteadyClock()
        // One listing of the whole database; any error ends the start.
        for id in try jobs.settle(try store.allStatuses(), at: now()) {
            logger.warning("a folder without a job was moved to 'lost'", metadata: ["job": "\(id)"])
        }

        let stopping = StopFlag()
        let reserve = DiskReserve(dataDirectory: folder)
        let paths = MachinePaths(dataDirectory: folder)
        let plans = InspectionRunner(
            executable: executable, dataDirectory: folder, timeout: configuration.planTimeout,
            memoryBytes: configuration.planMemoryBytes, paths: paths, logger: logger)
        supervisor = Supervisor(
            store: store, settings: SupervisorSettings(configuration),
            command: { (job) throws(JobsError) in
                try jobs.command(for: job, artifacts, executable: executable, configuration: configuration)
            },
            interpret: { EventLine.interpret(paths.removed(from: $1, of: $0.id)) },
            publish: { (job) throws(JobsError) in try jobs.publish(job) },
            ended: { jobs.folder(of: $0.id).removeCheckpoints() }, now: now, due: { steady.now }, logger: logger)
        let supervisor = supervisor
        let routes = Routes(
            configuration: configuration, store: store, artifacts: artifacts, jobs: jobs, plans: plans,
            reserve: reserve, memory: MemoryBudget(bytes: Self.requestTextBytes), logger: logger,
            now: now, isStopping: { stopping.isSet }, hasRoom: { supervisor.hasRoom })
        responder = Responder(routes: routes)
        listener = try await Listener(
            configuration: configuration, descriptors: descriptors, responder: responder, logger: logger)
        try supervisor.start()
        let sweep = Sweeper(store: store, artifacts: artifacts, jobs: jobs, reserve: reserve, logger: logger)
        sweeper = Task { await sweep.run(keeping: configuration.retentionSeconds, now: { steady.now }) }
        (self.stopping, self.logger) = (stopping, logger)
        logger.notice(
            "listening",
            metadata: [
                "host": "\(configuration.host)", "port": .stringConvertible(listener.port),
                "data_directory": "\(folder)",
            ])
    }

    /// Creates the data directory, and removes other users' access to it.
    ///
    /// - Throws: ``DataDirectoryError`` when results exist without their database.
    private static func claim(_ folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // Files created from here on, also by SQLite, are accessible to this user alone.
        _ = umask(0o077)
        for name in try DurableFile.names(in: folder) {
            let path = folder + "/" + name
            var status = stat()
            guard unsafe lstat(path, &status) == 0, status.st_mode & 0o077 != 0, status.st_mode & S_IFMT != S_IFLNK
            else {
                continue
            }
            guard unsafe chmod(path, status.st_mode & 0o700) == 0 else { throw SystemError(call: "chmod") }
        }
        guard unsafe chmod(folder, 0o700) == 0 else { throw SystemError(call: "chmod") }
        let hasResults = !(try DurableFile.names(in: folder + "/jobs")).isEmpty
        guard !hasResults || FileManager.default.fileExists(atPath: folder + "/queue.sqlite") else {
            throw DataDirectoryError.databaseMissing(folder)
        }
    }

    /// Stops accepting requests, lets the running ones end, and returns running jobs to the queue.
    package func stop() async {
        stopping.set()
        responder.routes.store.wakeAll()
        sweeper.cancel()
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

extension JobFolders {
    /// The command of a job process: this program, as a user would run it at the terminal, in the folders of one
    /// attempt.
    fileprivate func command(
        for job: Job, _ artifacts: ArtifactStore, executable: String, configuration: Configuration
    ) throws(JobsError) -> JobCommand {
        guard let attempt = job.leaseToken else { throw .leaseLost }
        var pointsBytes: Int?
        do throws(SystemError) {
            try folder(of: job.id).begin(attempt: attempt)
            // The folders of all jobs are read only for the sake of a limit.
            if let limit = configuration.storedLimitBytes {
                pointsBytes = max(0, limit - artifacts.storedBytes - (try pointBytes()))
            }
        } catch {
            throw JobsError(error)
        }
        let order = JobOrder(stored: job.payload)
        let word = order?.kind == .check ? "check" : "compress"
        let wanted = order?.options["deadline_seconds"]?.int
        let deadline = [wanted, configuration.jobDeadlineSeconds].compactMap(\.self).min()
        let folder = folder(of: job.id)
        var arguments = [word, folder.path, "--attempt", attempt]
        if let deadline, order?.kind != .check {
            arguments += ["--seconds-left", String(max(0, deadline - Int(job.runningSeconds)))]
        }
        if let pointsBytes, order?.kind != .check { arguments += ["--points-bytes", String(pointsBytes)] }
        return JobCommand(
            executable: executable, arguments: arguments,
            workingDirectory: JobFolder(folder.path, attempt: attempt).temporary,
            environment: ChildEnvironment.variables, memoryLimitBytes: configuration.jobMemoryBytes,
            deadlineSeconds: deadline)
    }

    fileprivate func publish(_ job: Job) throws(JobsError) {
        guard let attempt = job.leaseToken else { throw .leaseLost }
        do throws(SystemError) { try folder(of: job.id).publish(attempt: attempt) } catch {
            throw JobsError(error)
        }
    }
}

/// The reason why the data directory cannot be used.
enum DataDirectoryError: Error, CustomStringConvertible {
    case databaseMissing(String)

    var description: String {
        switch self {
        case .databaseMissing(let folder):
            "\(folder) has results in 'jobs' and no 'queue.sqlite' that knows of them: restore it, or move 'jobs' away"
        }
    }
}
