import Foundation
import Testing

@testable import JobContract
@testable import Service

@Suite struct ServerConfigurationTests {
    /// Runs `body` with a temporary file.
    private func withFile<Result>(_ text: String, _ body: (String) async throws -> Result) async throws -> Result {
        let path = NSTemporaryDirectory() + "layercollapse-\(UUID().uuidString).json"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }

    @Test func `flags win over the environment, that over the file, and that over the default`() async throws {
        let configuration = try await withFile(#"{"port": 1, "queue_limit": 1, "running_jobs": 3}"#) {
            try await Configuration.load(
                flags: ["port": "3"],
                environment: ["LAYERCOLLAPSE_PORT": "2", "LAYERCOLLAPSE_QUEUE_LIMIT": "2", "HOME": "/"], file: $0)
        }
        #expect(configuration.port == 3)
        #expect(configuration.queueLimit == 2)
        #expect(configuration.runningJobs == 3)
        #expect(configuration.host == "127.0.0.1")
        let sources = Dictionary(uniqueKeysWithValues: configuration.settings.map { ($0.setting.name, $0.source) })
        #expect(sources["port"] == .flag)
        #expect(sources["queue_limit"] == .environment)
        #expect(sources["running_jobs"] == .file)
        #expect(sources["host"] == .builtIn)
    }

    @Test func `the file in the repository holds every setting with its default`() async throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../config/layercollapse.json").standardized.path
        let configuration = try await Configuration.load(environment: [:], file: path)
        for resolved in configuration.settings {
            #expect(resolved.source == .file, "\(resolved.setting.name) is missing")
            #expect(resolved.value == resolved.setting.defaultValue, "\(resolved.setting.name)")
        }
    }

    @Test(arguments: ["0.0.0.0", "::", "192.168.1.2", "127.evil.example", "example.com"])
    func `listening to strangers has to be said aloud`(host: String) async throws {
        let error = await #expect(throws: ConfigurationError.self) {
            try await Configuration.load(flags: ["host": host], environment: [:])
        }
        #expect(
            error?.description == "listening on \(host) would let everybody who reaches this machine use the service: "
                + "set host to 127.0.0.1, or set allow_unauthenticated to true if something in front of it decides who may"
        )
        let open = try await Configuration.load(
            flags: ["host": host], environment: ["LAYERCOLLAPSE_ALLOW_UNAUTHENTICATED": "true"])
        #expect(open.host == host)
    }

    @Test(arguments: [
        ("port", "65536", "port is '65536' (environment); expected a whole number from 0 to 65535"),
        ("port", "many", "port is 'many' (environment); expected a whole number from 0 to 65535"),
        (
            "allow_unauthenticated", "perhaps",
            "allow_unauthenticated is 'perhaps' (environment); expected true or false"
        ),
        (
            "log_level", "loud",
            "log_level is 'loud' (environment); expected one of trace debug info notice warning error critical"
        ),
    ])
    func `a value that cannot be is refused`(name: String, value: String, message: String) async {
        let error = await #expect(throws: ConfigurationError.self) {
            try await Configuration.load(environment: ["LAYERCOLLAPSE_\(name.uppercased())": value])
        }
        #expect(error?.description == message)
    }

    @Test func `a misspelt setting in the file is refused, not ignored`() async throws {
        let error = await #expect(throws: ConfigurationError.self) {
            try await withFile(#"{"prot": 1}"#) { try await Configuration.load(environment: [:], file: $0) }
        }
        #expect(error?.description == "there is no setting 'prot' (file); did you mean 'port'?")
    }

    @Test func `a file that was named has to be there`() async {
        await #expect(throws: ConfigurationError.self) {
            try await Configuration.load(environment: [:], file: "/nowhere/layercollapse.json")
        }
    }
}
