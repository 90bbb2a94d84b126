import Testing

@testable import JobContract
@testable import Service

struct MachinePathsTests {
    @Test(arguments: [
        ("open /data/jobs/job_1/model/net.onnx failed", "open model/net.onnx failed"),
        ("/data/jobs/job_2/model", "jobs/job_2/model"), ("/data", ""), ("a /data/tmp b /data/x", "a tmp b x"),
        ("/dat/a", "/dat/a"), ("/", "/"), ("", ""), ("//data/x", "/x"),
    ])
    func `the folder of the data is not told to clients`(line: String, shown: String) {
        let paths = MachinePaths(dataDirectory: "/data")
        #expect(String(decoding: paths.removed(from: Array(line.utf8), of: "job_1"), as: UTF8.self) == shown)
    }
}
