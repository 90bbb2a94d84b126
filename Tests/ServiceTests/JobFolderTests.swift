import Foundation
import Jobs
import Testing

@testable import Service

/// The folders of a job's attempts, and those of jobs that nobody knows.
struct JobFolderTests {
    private func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    @Test func `an attempt has folders of its own and takes over what the one before had reached`() throws {
        let place = try TemporaryFolder()
        let folder = JobFolder(place.path + "/job_1")
        try folder.make()
        try folder.begin(attempt: "A")
        let first = JobFolder(folder.path, attempt: "A")
        try write("half", first.checkpoints + "/fit.x.safetensors")
        try write("late", first.output + "/model.onnx")
        try folder.begin(attempt: "B")
        let second = JobFolder(folder.path, attempt: "B")
        #expect(text(second.checkpoints + "/fit.x.safetensors") == "half")
        #expect(try DurableFile.names(in: second.output).isEmpty)
        // What a process that was taken for dead still writes reaches nobody.
        #expect(!FileManager.default.fileExists(atPath: first.checkpoints))
        #expect(throws: (any Error).self) { try write("later", first.checkpoints + "/fit.y.safetensors") }
        #expect(try DurableFile.names(in: folder.path + "/attempts") == ["B"])
    }

    @Test func `what an older version of the service had reached is taken over as well`() throws {
        let place = try TemporaryFolder()
        let folder = JobFolder(place.path + "/job_1")
        try folder.make()
        try write("half", folder.checkpoints + "/fit.x.safetensors")
        try folder.begin(attempt: "A")
        #expect(text(JobFolder(folder.path, attempt: "A").checkpoints + "/fit.x.safetensors") == "half")
    }

    @Test func `the output of the attempt that succeeded is the job's, also after another was published`() throws {
        let place = try TemporaryFolder()
        let folder = JobFolder(place.path + "/job_1")
        try folder.make()
        for attempt in ["A", "B"] {
            try folder.begin(attempt: attempt)
            try write(attempt, JobFolder(folder.path, attempt: attempt).output + "/model.onnx")
            try folder.publish(attempt: attempt)
            #expect(text(folder.outputModel) == attempt)
        }
        folder.removeCheckpoints()
        #expect(text(folder.outputModel) == "B")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/attempts"))
    }

    @Test func `a folder without a job is put aside, and goes after a week`() throws {
        let place = try TemporaryFolder()
        let desk = try JobDesk(dataDirectory: place.path)
        for name in ["job_1", "job_2"] {
            try desk.folder(of: name).make()
            try write(name, desk.folder(of: name).outputModel)
        }
        #expect(try desk.settle(["job_1": .succeeded], at: 1000) == ["job_2"])
        #expect(text(desk.folder(of: "job_1").outputModel) == "job_1")
        let lost = place.path + "/lost/1000.job_2"
        #expect(text(lost + "/output/model.onnx") == "job_2")
        try desk.removeLost(at: 1000 + JobDesk.lostSeconds)
        #expect(FileManager.default.fileExists(atPath: lost))
        try desk.removeLost(at: 1001 + JobDesk.lostSeconds)
        #expect(!FileManager.default.fileExists(atPath: lost))
    }

    @Test func `results whose database is gone keep the service from starting`() async throws {
        let place = try TemporaryFolder()
        try await withServer(in: place) { world in _ = try await world.ended(try await world.submit()) }
        let data = place.path + "/data"
        for name in try DurableFile.names(in: data) where name.hasPrefix("queue.sqlite") {
            try FileManager.default.removeItem(atPath: "\(data)/\(name)")
        }
        await #expect(throws: DataDirectoryError.self) { _ = try await ServerWorld(folder: place) }
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
