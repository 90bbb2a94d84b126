import Options
import TestSupport
import Testing

@testable import JobContract
@testable import Pipeline

@Suite struct CompressionOrderTests {
    @Test func `a job's folder says what is to be done, and where results go`() throws {
        let parent = try TemporaryFolder()
        let folder = JobFolder(parent.path + "/job")
        try folder.make()
        var options = JSONValue.Object()
        options["method"] = "ridge"
        try folder.write(
            JobFolder.Manifest(
                job: "job_1", modelFiles: ["net.onnx", "net.onnx.data"], dataFile: "digits.npz", options: options,
                memoryLimitBytes: 1 << 30, threads: 2))
        let order = try CompressionOrder(folder)
        #expect(order.model == folder.path + "/model/net.onnx")
        #expect(order.data == folder.path + "/data/digits.npz")
        #expect(order.validationData == nil)
        #expect(order.options.method == .ridge)
        #expect(order.output == folder.path + "/output/model.onnx")
        #expect(order.reports == ["json", "md", "html"].map { folder.path + "/output/report." + $0 })
        #expect(order.memoryLimitBytes == 1 << 30)
        #expect(order.threads == 2)
    }

    @Test func `a folder without a manifest is nobody's job`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: Problem.self) { try CompressionOrder(JobFolder(folder.path)) }
    }
}
