// Support for the supervisor tests: a supervisor whose job processes are shell scripts.

import Foundation
import Logging
import TestSupport
import Testing

@testable import Jobs

/// A supervisor whose job processes are shell scripts.
struct ScriptedSupervisor {
    let fixture: Fixture
    let supervisor: Supervisor

    var store: SQLiteJobStore { fixture.store }
    var folder: TemporaryFolder { fixture.folder }

    /// Creates a supervisor that runs each job's payload as a script in the temporary folder.
    init(
        memoryLimitBytes: Int? = nil, deadlineSeconds: Int? = nil,
        _ change: (inout SupervisorSettings) -> Void = { _ in }
    ) throws {
        fixture = try Fixture()
        var settings = SupervisorSettings()
        settings.retrySeconds = 0
        settings.pollInterval = .milliseconds(20)
        settings.killGrace = .milliseconds(300)
        settings.stopGrace = .milliseconds(300)
        change(&settings)
        let folder = fixture.folder
        supervisor = Supervisor(
            store: fixture.store, settings: settings,
            command: { job in
                JobCommand(
                    executable: "/bin/sh", arguments: ["-c", job.payload.text], workingDirectory: folder.path,
                    environment: ["PATH": "/usr/bin:/bin"], memoryLimitBytes: memoryLimitBytes,
                    deadlineSeconds: deadlineSeconds)
            },
            now: { UnixSeconds(Date().timeIntervalSince1970) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func add(_ script: String, id: String = "job_1") throws {
        _ = try store.add(NewJob(id: id, payload: Data(script)), at: 100)
    }

    /// Waits until the job fulfils a condition; records an issue after ten minutes.
    func wait(_ id: String = "job_1", _ what: String = "the end", until done: (Job) -> Bool) async throws -> Job {
        let deadline = ContinuousClock.now + .seconds(600)
        while true {
            let job = try store.find(id)
            if done(job) { return job }
            guard ContinuousClock.now < deadline else {
                Issue.record("\(what) did not come: \(job.status.rawValue)")
                return job
            }
            await store.waitForChange(of: id, since: job.revision, until: deadline)
        }
    }

    func end(_ id: String = "job_1") async throws -> Job { try await wait(id) { $0.status.isFinal } }

    /// Runs one job from start to end.
    func run(_ script: String) async throws -> Job {
        try add(script)
        try supervisor.start()
        let job = try await end()
        await supervisor.stop()
        return job
    }

    /// The process id that a script wrote into a file; nil before that.
    func process(_ name: String) -> pid_t? {
        folder.text(name).flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// Waits until a process has ended, since a killed group needs a moment to end.
    func hasEnded(_ process: pid_t) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(600)
        while ContinuousClock.now < deadline {
            let stat = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
            if stat.isEmpty || stat.contains(") Z ") || stat.contains(") X ") { return true }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return false
    }
}

/// A command that prints the result of a job.
let done = #"echo '{"type":"done","data":{"ok":1}}'"#
/// A command that reports the phase `ready`.
let ready = #"echo '{"type":"phase","message":"ready"}'"#
