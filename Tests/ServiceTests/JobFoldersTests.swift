import Foundation
import Jobs
import SystemCalls
import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// The treatment of job folders when a server starts, and their permissions.
struct JobFoldersTests {
    private func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    @Test func `a folder without a job is put aside, and goes after a week`() throws {
        let place = try TemporaryFolder()
        let desk = try JobFolders(dataDirectory: place.path)
        for name in ["job_1", "job_2"] {
            try desk.folder(of: name).make()
            try write(name, desk.folder(of: name).outputModel)
        }
        #expect(try desk.settle(["job_1": .succeeded], at: 1000) == ["job_2"])
        #expect(text(desk.folder(of: "job_1").outputModel) == "job_1")
        let lost = place.path + "/lost/1000.job_2"
        #expect(text(lost + "/output/model.onnx") == "job_2")
        try desk.removeLost(at: 1000 + JobFolders.lostSeconds)
        #expect(FileManager.default.fileExists(atPath: lost))
        try desk.removeLost(at: 1001 + JobFolders.lostSeconds)
        #expect(!FileManager.default.fileExists(atPath: lost))
    }

    @Test func `results whose database is gone keep the service from starting`() async throws {
        let place = try TemporaryFolder()
        try await withServer(in: place) { world in _ = try await world.ended(try await world.submit()) }
        let data = place.path + "/data"
        for name in try DurableFile.names(in: data) where name.hasPrefix("queue.sqlite") {
            try FileManager.default.removeItem(atPath: "\(data)/\(name)")
        }
        await #expect(throws: DataDirectoryError.self) { _ = try await TestServer(folder: place) }
        let jobs = try DurableFile.names(in: data + "/jobs")
        #expect(text("\(data)/jobs/\(jobs[0])/output/model.onnx") == "a smaller model")
    }

    @Test func `nobody else may look into what clients stored`() async throws {
        try await withServer { world in
            _ = try await world.ended(try await world.submit())
            let files = FileManager.default.enumerator(atPath: world.folder.path + "/data")
            for case let name as String in try #require(files) {
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(world.folder.path)/data/\(name)")
                let mode = try #require((attributes[.posixPermissions] as? NSNumber)?.intValue)
                #expect(mode & 0o077 == 0, "\(name) \(String(mode, radix: 8))")
            }
        }
    }
}
