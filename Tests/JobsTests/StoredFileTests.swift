import Foundation
import Testing

@testable import Jobs

struct StoredFileTests {
    private func file(_ number: Int, purpose: String = "model", digest: Character = "a") -> StoredFile {
        StoredFile(
            id: "file_\(number)", purpose: purpose, filename: "../m.onnx", bytes: 12,
            sha256: String(repeating: digest, count: 64), createdAt: 100)
    }

    @Test func `a file is found by its id and by its digest`() throws {
        let fixture = try Fixture()
        try fixture.store.add(file(1))
        try fixture.store.add(file(2))
        #expect(try fixture.store.findFile("file_1") == file(1))
        #expect(try fixture.store.findFile(sha256: file(1).sha256)?.id == "file_2")
        #expect(try fixture.store.findFile(sha256: String(repeating: "b", count: 64)) == nil)
        #expect(throws: JobsError.notFound) { try fixture.store.findFile("file_3") }
    }

    @Test func `files are listed newest first, in pages, by purpose`() throws {
        let fixture = try Fixture()
        for number in 1...4 { try fixture.store.add(file(number, purpose: number == 2 ? "dataset" : "model")) }
        let page = try fixture.store.listFiles(limit: 2, after: "file_4")
        #expect(page.elements.map(\.id) == ["file_3", "file_2"] && page.hasMore)
        #expect(try fixture.store.listFiles(limit: 9, purpose: "dataset").elements.map(\.id) == ["file_2"])
        #expect(try fixture.store.allFiles().map(\.id) == ["file_1", "file_2", "file_3", "file_4"])
        #expect(throws: JobsError.notFound) { try fixture.store.listFiles(limit: 2, after: "file_9") }
    }

    @Test func `a file changes its status and goes`() throws {
        let fixture = try Fixture()
        try fixture.store.add(file(1))
        try fixture.store.setFileStatus("file_1", .processed)
        #expect(try fixture.store.findFile("file_1").status == .processed)
        try fixture.store.deleteFile("file_1")
        #expect(throws: JobsError.notFound) { try fixture.store.deleteFile("file_1") }
        #expect(throws: JobsError.notFound) { try fixture.store.setFileStatus("file_1", .error) }
    }
}
