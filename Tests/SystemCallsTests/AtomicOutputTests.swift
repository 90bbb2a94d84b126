import Foundation
import SystemCalls
import TestSupport
import Testing

struct AtomicOutputTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func `an output and its companions appear when they are published`() throws {
        try DurableFile.write("old", creating: folder.file("model.onnx"))
        let output = try AtomicOutput(of: folder.file("model.onnx"))
        try DurableFile.write("new", creating: output.file)
        try DurableFile.write("weights", creating: output.file + ".data")
        #expect(folder.text("model.onnx") == "old")
        #expect(folder.text("model.onnx.data") == nil)
        try output.publish()
        #expect(folder.text("model.onnx") == "new")
        #expect(folder.text("model.onnx.data") == "weights")
    }

    @Test func `an output that is not published leaves nothing`() throws {
        do {
            let output = try AtomicOutput(of: folder.file("model.onnx"))
            try DurableFile.write("half", creating: output.file)
            #expect(try DurableFile.names(in: folder.path).count == 1)
        }
        #expect(try DurableFile.names(in: folder.path).isEmpty)
    }

    @Test func `an output without a folder is refused before the work`() throws {
        #expect(throws: SystemError(call: "mkdir", code: ENOENT)) {
            _ = try AtomicOutput(of: folder.file("none/model.onnx"))
        }
    }

    @Test func `a text is written whole, with the permissions of the user's umask`() throws {
        try AtomicOutput.write("{}", to: folder.file("report.json"))
        #expect(folder.text("report.json") == "{}")
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("report.json"))
        let mask = umask(0)
        umask(mask)
        let permissions = try #require(attributes[.posixPermissions] as? NSNumber)
        #expect(permissions.uint32Value == 0o666 & ~mask)
    }
}
