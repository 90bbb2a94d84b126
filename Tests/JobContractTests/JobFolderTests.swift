import Foundation
import SystemCalls
import TestSupport
import Testing

@testable import JobContract

/// The folders of a job's attempts.
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
        try write("half", folder.checkpoints + "/fit.x.safetensors")
        folder.removeCheckpoints()
        #expect(try DurableFile.names(in: folder.checkpoints).isEmpty)
        #expect(text(folder.outputModel) == "B")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/attempts"))
    }
}
