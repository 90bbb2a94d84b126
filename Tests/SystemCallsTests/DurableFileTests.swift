import Foundation
import SystemCalls
import TestSupport
import Testing

struct DurableFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func permissions(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
        return try #require(attributes[.posixPermissions] as? NSNumber).intValue
    }

    @Test func `a file is created once, for this user alone`() throws {
        try DurableFile.write("one", creating: folder.file("a"))
        #expect(folder.text("a") == "one")
        #expect(try permissions("a") == 0o600)
        #expect(throws: SystemError(call: "open", code: EEXIST)) {
            try DurableFile.write("two", creating: folder.file("a"))
        }
        #expect(folder.text("a") == "one")
    }

    @Test func `a file is replaced whole, even after a process that was killed while it wrote`() throws {
        try DurableFile.write("old", creating: folder.file("a"))
        try DurableFile.write("half", creating: folder.file("a.partial"))
        try DurableFile.replace(folder.file("a"), mode: 0o644) { file throws(SystemError) in
            try file.write([0x6E, 0x65, 0x77].span)
        }
        #expect(folder.text("a") == "new")
        #expect(try DurableFile.names(in: folder.path) == ["a"])
    }

    @Test func `a replacement that fails leaves the old file`() throws {
        try DurableFile.write("old", creating: folder.file("a"))
        let failure = SystemError(call: "write", code: ENOSPC)
        #expect(throws: failure) {
            try DurableFile.replace(folder.file("a"), mode: 0o644) { file throws(SystemError) in
                try file.write([0x6E].span)
                throw failure
            }
        }
        #expect(folder.text("a") == "old")
        #expect(try DurableFile.names(in: folder.path) == ["a"])
    }

    @Test func `a link and a copy have the bytes, and a moved file its new name alone`() throws {
        try DurableFile.write("text", creating: folder.file("a"))
        try DurableFile.link(folder.file("a"), to: folder.file("b"))
        try DurableFile.copy(folder.file("a"), to: folder.file("c"))
        try DurableFile.move(folder.file("a"), to: folder.file("d"))
        #expect(try DurableFile.names(in: folder.path) == ["b", "c", "d"])
        #expect(["b", "c", "d"].allSatisfy { folder.text($0) == "text" })
    }

    @Test func `names are sorted by their bytes, and a folder that is not there has none`() throws {
        for name in ["b", "a\u{E9}", "ae\u{301}", "Z"] { try DurableFile.write("", creating: folder.file(name)) }
        #expect(
            try DurableFile.names(in: folder.path).map { Array($0.utf8) }
                == ["Z", "ae\u{301}", "a\u{E9}", "b"].map { Array($0.utf8) })
        #expect(try DurableFile.names(in: folder.file("none")).isEmpty)
        #expect(throws: SystemError(call: "opendir", code: ENOTDIR)) {
            try DurableFile.names(in: folder.file("b"))
        }
    }
}
