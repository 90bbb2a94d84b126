import ByteText
package import JobContract

/// One setting of the server, with one name for the file, the flag and (after `LAYERCOLLAPSE_`) the environment.
package struct Setting: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case text
        case flag
        /// A whole number from `minimum` to `maximum`, in the unit of the name.
        case count(minimum: Int, maximum: Int)
    }

    package let name: String
    package let kind: Kind
    package let defaultValue: JSONValue
    /// The meaning, the unit, and the special values.
    package let meaning: String

    /// A setting with its value and the value's source, as printed by `config show`.
    package struct Resolved: Hashable, Sendable {
        package let setting: Setting
        package let value: JSONValue
        package let source: Source
    }

    /// The source of a value; the first one that has it wins.
    package enum Source: String, CaseIterable, Sendable {
        case flag, environment, file
        case builtIn = "default"
    }

    /// A description of the valid values.
    package var expectation: String {
        switch kind {
        case .text: "a text"
        case .flag: "true or false"
        case .count(let minimum, let maximum): "a whole number from \(minimum) to \(maximum)"
        }
    }

    package var environmentName: String { "LAYERCOLLAPSE_\(name.asciiUppercased)" }
}

extension Setting {
    private static func count(_ name: String, _ defaultValue: Int, _ range: ClosedRange<Int>, _ meaning: String)
        -> Setting
    {
        Setting(
            name: name, kind: .count(minimum: range.lowerBound, maximum: range.upperBound),
            defaultValue: .int(defaultValue),
            meaning: meaning)
    }

    private static let exabyte = 1 << 60

    /// All settings, in the order of `config show`.
    package static let all: [Setting] = [
        Setting(
            name: "host", kind: .text, defaultValue: "127.0.0.1",
            meaning: "address to listen on; other than loopback only with allow_unauthenticated"),
        count("port", 8080, 0...65_535, "TCP port to listen on; 0 takes a free one and logs it"),
        Setting(
            name: "hosts", kind: .text, defaultValue: "",
            meaning:
                "names under which clients reach the service besides localhost and addresses, with commas between them"),
        Setting(
            name: "data_directory", kind: .text, defaultValue: "layercollapse-data",
            meaning: "folder of the queue, the uploads and the results; made when it is missing"),
        Setting(
            name: "allow_unauthenticated", kind: .flag, defaultValue: false,
            meaning: "listen beyond loopback although everyone who reaches the port may use the service"),
        Setting(
            name: "log_level", kind: .text, defaultValue: "info",
            meaning: "least severe line that is logged: trace debug info notice warning error critical"),
        count(
            "upload_limit_bytes", 8 << 30, 1...exabyte,
            "largest body of an upload or a job, in bytes; beyond it 413"),
        count(
            "stored_limit_bytes", 256 << 30, 0...exabyte,
            "uploads and points of jobs kept at once, in bytes; beyond it 507, and jobs keep no points; 0 is no limit but the disk"
        ),
        count("request_limit_bytes", 1 << 20, 1024...(1 << 30), "largest JSON body, in bytes; beyond it 413"),
        count(
            "connection_limit", 0, 0...1_000_000,
            "connections open at once; 0 is as many as the limit of descriptors allows, at most 65536"),
        count("http_workers", 8, 1...1024, "threads that answer requests"),
        count("queue_limit", 100, 1...1_000_000, "jobs waiting at once; beyond it 429"),
        count("running_jobs", 1, 1...1024, "jobs that run at once, each in a process of its own"),
        count(
            "job_memory_bytes", 8 << 30, 0...exabyte,
            "memory of a job process, in bytes; beyond it the job fails with memory_limit; 0 is no limit"),
        count("job_threads", 0, 0...1024, "threads of a job that does not ask for a number; 0 is every core"),
        count("job_deadline_seconds", 86_400, 0...31_536_000, "longest time a job may run, in seconds; 0 is no limit"),
        count(
            "job_attempts", 3, 1...100,
            "times a job is started whose process crashes before a new checkpoint, until it fails"),
        count("plan_timeout_seconds", 30, 1...3600, "longest time to inspect a model for a plan, in seconds"),
        count(
            "plan_memory_bytes", 4 << 30, 0...exabyte,
            "memory of the process that inspects a model, in bytes; 0 is no limit"),
        count(
            "drain_seconds", 6, 0...3600,
            "time for running requests and jobs to come to a good place after SIGTERM, in seconds"),
        count(
            "retention_seconds", 2_592_000, 0...3_153_600_000,
            "time after which a finished job and its files are deleted, in seconds; 0 keeps them until they are deleted"
        ),
    ]

    package static func named(_ name: String) -> Setting? { all.first { $0.name == name } }
}
