import ByteText
import JobContract
package import Logging

extension Configuration {
    package var host: String { text("host") }
    package var port: UInt16 { UInt16(clamping: count("port")) }
    package var dataDirectory: String { text("data_directory") }
    package var allowUnauthenticated: Bool { value("allow_unauthenticated").bool ?? false }
    package var logLevel: Logger.Level { Logger.Level(rawValue: text("log_level")) ?? .info }
    package var uploadLimitBytes: Int { count("upload_limit_bytes") }
    package var requestLimitBytes: Int { count("request_limit_bytes") }
    /// The most connections; nil derives the number from the descriptor limit of the process.
    package var connectionLimit: Int? { limit("connection_limit") }
    package var storedLimitBytes: Int? { limit("stored_limit_bytes") }
    package var httpWorkers: Int { count("http_workers") }
    /// Other host names of this server, such as `models.example`.
    package var hosts: [String] {
        text("hosts").splitBytes(at: UInt8(ascii: ",")).map(\.trimmedBlanks).filter { !$0.isEmpty }
    }
    package var queueLimit: Int { count("queue_limit") }
    package var runningJobs: Int { count("running_jobs") }
    package var jobAttempts: Int { count("job_attempts") }
    package var drain: Duration { .seconds(count("drain_seconds")) }
    package var planTimeout: Duration { .seconds(count("plan_timeout_seconds")) }

    /// The memory limit of a job. As in the limits below, 0 in the configuration becomes nil: no limit.
    package var jobMemoryBytes: Int? { limit("job_memory_bytes") }
    package var jobThreads: Int? { limit("job_threads") }
    package var jobDeadlineSeconds: Int? { limit("job_deadline_seconds") }
    package var planMemoryBytes: Int? { limit("plan_memory_bytes") }
    package var retentionSeconds: Int? { limit("retention_seconds") }

    /// True when only this machine can reach the server.
    package var isLoopback: Bool {
        host == "localhost" || host == "::1"
            || host.startsWithBytes(of: "127.") && host.splitBytes(at: UInt8(ascii: ".")).count == 4
    }

    private func limit(_ name: String) -> Int? {
        let count = count(name)
        return count == 0 ? nil : count
    }

    private func count(_ name: String) -> Int { value(name).int ?? 0 }

    func text(_ name: String) -> String { value(name).string ?? "" }
}
