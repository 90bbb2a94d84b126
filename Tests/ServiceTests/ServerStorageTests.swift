import Foundation
import HTTP
import SystemCalls
import TestSupport
import Testing

@testable import JobContract
@testable import Service

extension ArtifactStore {
    fileprivate func store(_ texts: [(name: String, text: String)], id: String) throws -> StoredFile {
        let upload = try upload(id: id)
        for (name, text) in texts {
            try upload.begin(name)
            let bytes = Array(text.utf8)
            try upload.append(bytes.span)
            try upload.end()
        }
        return try commit(upload, purpose: .model, at: 1_764_000_000)
    }
}

@Suite struct ServerStorageTests {
    @Test func `the digest is SHA-256, however the bytes are cut`() {
        let bytes = Array("abc".utf8)
        let (whole, pieces) = (SHA256(), SHA256())
        whole.update(bytes.span)
        for index in bytes.indices { pieces.update(bytes.span.extracting(index..<index + 1)) }
        // FIPS 180-4, the example of one block.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(whole.finish() == expected)
        #expect(pieces.finish() == expected)
    }

    @Test func `a stored file is there again after a restart, part by part`() throws {
        let folder = try TemporaryFolder()
        let stored = try ArtifactStore(dataDirectory: folder.path)
            .store([("net.onnx", "abc"), ("net.onnx.data", "")], id: "file_1")
        let again = try ArtifactStore(dataDirectory: folder.path)
        #expect(again.files == [stored])
        #expect(again.damaged.isEmpty)
        #expect(stored.parts.map(\.bytes) == [3, 0])
        #expect(
            stored.document["digest"]?.string
                == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(FileManager.default.contents(atPath: again.path(of: stored)) == Data("abc".utf8))
        #expect(again.storedBytes == 3)
    }

    @Test func `an upload that was never committed leaves nothing behind`() throws {
        let folder = try TemporaryFolder()
        let store = try ArtifactStore(dataDirectory: folder.path)
        do {
            let upload = try store.upload(id: "file_1")
            try upload.begin("a")
            try upload.append([1, 2, 3].span)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/tmp") == [])
        #expect(store.files.isEmpty)
    }

    @Test func `what a killed server left unfinished is deleted at the next start`() throws {
        let folder = try TemporaryFolder()
        let store = try ArtifactStore(dataDirectory: folder.path)
        let upload = try store.upload(id: "file_1")
        try upload.begin("a")
        _ = try ArtifactStore(dataDirectory: folder.path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/tmp") == [])
    }

    @Test(arguments: ["short", "missing", "description"])
    func `a damaged file is reported and kept`(damage: String) throws {
        let folder = try TemporaryFolder()
        _ = try ArtifactStore(dataDirectory: folder.path).store([("net.onnx", "abc")], id: "file_1")
        let part = folder.path + "/files/file_1/0"
        switch damage {
        case "short": try Data("ab".utf8).write(to: URL(filePath: part))
        case "missing": try FileManager.default.removeItem(atPath: part)
        default: try Data("{".utf8).write(to: URL(filePath: folder.path + "/files/file_1/file.json"))
        }
        let again = try ArtifactStore(dataDirectory: folder.path)
        #expect(again.damaged == ["file_1"])
        #expect(again.files.isEmpty)
        #expect(FileManager.default.fileExists(atPath: folder.path + "/files/file_1"))
    }

    @Test func `a deleted file is gone, and a second name keeps its bytes`() throws {
        let folder = try TemporaryFolder()
        let store = try ArtifactStore(dataDirectory: folder.path)
        let stored = try store.store([("net.onnx", "abc")], id: "file_1")
        try DurableFile.link(store.path(of: stored), to: folder.path + "/kept")
        #expect(try store.delete("file_1"))
        #expect(try !store.delete("file_1"))
        #expect(store.file("file_1") == nil)
        #expect(FileManager.default.contents(atPath: folder.path + "/kept") == Data("abc".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/files") == [])
    }

    @Test(arguments: [
        ("net.onnx", "net.onnx"), ("/home/me/net.onnx", "net.onnx"), ("..\\..\\net.onnx", "net.onnx"),
        ("ü b.onnx", "ü b.onnx"),
    ])
    func `of a file's name the last part is kept`(given: String, kept: String) throws {
        #expect(try FileName.checked(given, among: [], field: "model") == kept)
    }

    @Test(arguments: ["", "..", ".", ".hidden", "a\u{0}b", "a\nb", "/", String(repeating: "a", count: 256), "taken"])
    func `a name that no file can have is refused`(name: String) {
        #expect(throws: Problem.self) { try FileName.checked(name, among: ["taken"], field: "model") }
    }

    @Test(arguments: [
        (0, [0x80, 0x02, 0x7D] as [UInt8], true), (0, [0x80, 0x05], true), (1, [0x80, 0x04], true),
        (0, [0x50, 0x4B, 0x03, 0x04], true), (1, [0x50, 0x4B, 0x03, 0x04], false), (0, [0x08, 0x08], false),
        (0, [0x80], false),
    ])
    func `files that can run code are known by their first bytes`(field: Int, bytes: [UInt8], isRefused: Bool) throws {
        let folder = try TemporaryFolder()
        let store = try ArtifactStore(dataDirectory: folder.path)
        for isCut in [false, true] {
            var count = 0
            let fields = [
                FormUploadReader.FileField(name: "model", isModel: true), FormUploadReader.FileField(name: "data"),
            ]
            let intake = FormUploadReader(fileFields: fields, memory: MemoryBudget(bytes: 1 << 20)) {
                () throws(SystemError) in
                count += 1
                return try store.upload(id: "file_\(field)_\(isCut)_\(count)")
            }
            let feed = {
                try intake.begin(field == 0 ? "model" : "data", fileName: "file")
                if isCut {
                    for byte in bytes { try intake.append([byte].span) }
                } else {
                    try intake.append(bytes.span)
                }
                try intake.end()
            }
            if isRefused {
                let problem = #expect(throws: Problem.self) { try feed() }
                #expect(problem?.code == .pickleRejected)
                #expect(problem?.code.status == 415)
            } else {
                try feed()
            }
        }
    }
}
