import Foundation
import JobContract
import Jobs
import Logging

/// Inspects models and data in a plan process, because a hostile file may crash its reader.
struct InspectionRunner: Sendable {
    let executable: String
    let dataDirectory: String
    let timeout: Duration
    let memoryBytes: Int?
    let paths: MachinePaths
    let logger: Logger

    private static let outputBytes = 16 << 20
    /// The limit of ``places`` plan processes at a time, because each may take all of ``memoryBytes``.
    private let gate = AdmissionGate(places: Self.places, line: 64)

    static let places = 2

    /// The plan of a model and its data.
    func plan(_ files: JobFiles) async throws -> JSONValue {
        // The process ends by its timeout; a place that is not returned by twice that time is reclaimed.
        let place = try await gate.enter(waiting: timeout, staying: timeout * 2)
        let plan: Result<JSONValue, any Error>
        do { plan = .success(try await inspect(files)) } catch { plan = .failure(error) }
        await gate.leave(place)
        return try plan.get()
    }

    private func inspect(_ files: JobFiles) async throws -> JSONValue {
        let id = Identifier.make("plan", at: Int(Date.now.timeIntervalSince1970))
        let folder = JobFolder("\(dataDirectory)/tmp/\(id)")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try folder.make()
        try files.place(in: folder)
        let model = files.model.first.map { "\(folder.model)/\($0.name)" } ?? folder.model
        let data = files.data.map { ["--data", "\(folder.data)/\($0.name)"] } ?? []
        return try await ask(["inspect", model] + data + ["--json"], in: folder.temporary)
    }

    private func ask(_ arguments: [String], in folder: String) async throws -> JSONValue {
        let command = JobCommand(
            executable: executable, arguments: arguments, workingDirectory: folder,
            environment: ChildEnvironment.variables, memoryLimitBytes: memoryBytes)
        let outcome = try await ChildCall.run(command, timeout: timeout, outputBytes: Self.outputBytes)
        switch outcome.stop {
        case .timeout: throw Problem(.deadlineExceeded, "Looking into the files took longer than \(timeout).")
        case .memory:
            throw Problem(.memoryLimit, "Looking into the files took more memory than \(memoryBytes ?? 0) bytes.")
        case .tooMuchOutput: throw Problem(.memoryLimit, "The description of the files is too long.")
        case nil: break
        }
        let document = (try? JSONParser.parse(paths.removed(from: outcome.output))) ?? .null
        if let failure = document["error"], document["object"] == nil { throw Problem(failure: failure) }
        guard outcome.exitCode == 0, document.object != nil else {
            logger.error(
                "a plan failed",
                metadata: [
                    "exit": "\(outcome.exitCode.map(String.init) ?? "signal")",
                    "stderr": "\(String(decoding: outcome.errors, as: UTF8.self))",
                ])
            throw Problem(.invalidONNX, "The process that looked into the files ended unexpectedly.")
        }
        return document
    }
}
