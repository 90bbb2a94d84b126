import Foundation
import HTTP
import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// Uploads, as a form and by digest, and the files stored from them.
struct ServerFileTests {
    private static func digest(_ text: String) -> String {
        let (hash, bytes) = (SHA256(), Array(text.utf8))
        hash.update(bytes.span)
        return hash.finish()
    }

    @Test func `a file is stored, told, sent back and deleted`() async throws {
        try await withServer { world in
            let form = ServerForm().field("purpose", "dataset").file("file", "x.npz", "samples")
            let reply = try await world.post("/v1/files", form)
            #expect(reply.status == 201)
            let id = try #require(reply.json["id"]?.string)
            #expect(id.hasPrefix("file_"))
            #expect(reply.headers["location"] == "/v1/files/\(id)")
            #expect(reply.json["object"] == "file")
            #expect(reply.json["bytes"] == 7)
            #expect(reply.json["filename"] == "x.npz")
            #expect(reply.json["purpose"] == "dataset")
            #expect(reply.json["created_at"]?.int != nil)
            #expect(reply.json["digest"] == .string("sha256:\(Self.digest("samples"))"))
            #expect(try await world.request("/v1/files/\(id)").json == reply.json)
            let content = try await world.request("/v1/files/\(id)/content")
            #expect(content.text == "samples")
            #expect(content.headers["content-disposition"] == #"attachment; filename="x.npz""#)
            #expect(try await world.request("/v1/files/\(id)/content", [("Range", "bytes=0-1")]).text == "sa")
            let deleted = try await world.request("DELETE", "/v1/files/\(id)")
            #expect(deleted.json == ["id": .string(id), "object": "file", "deleted": true])
            for path in ["", "/content", "/inspect"] {
                #expect(try await world.request("/v1/files/\(id)\(path)").status == 404)
            }
            #expect(try await world.request("DELETE", "/v1/files/\(id)").status == 404)
        }
    }

    @Test func `several files of one model are one file of several parts`() async throws {
        try await withServer { world in
            let form = ServerForm().file("file", "net.onnx", "graph").file("file", "net.onnx.data", "weights")
            let file = try await world.post("/v1/files", form).json
            #expect(file["purpose"] == "model")
            #expect(file["bytes"] == 12)
            #expect(file["parts"]?.array?.count == 2)
            let content = "/v1/files/\(file["id"]?.string ?? "")/content"
            #expect(try await world.request(content).text == "graph")
            let part = try await world.request(content + "?part=net.onnx.data")
            #expect(part.text == "weights")
            #expect(part.headers["etag"] == "\"sha256:\(Self.digest("weights"))\"")
            #expect(try await world.request(content + "?part=../file.json").status == 404)
        }
    }

    @Test func `files are listed page by page, and by what they are for`() async throws {
        try await withServer { world in
            var ids: [JSONValue] = []
            for name in ["a.onnx", "b.npz", "c.onnx"] {
                let file = try await world.post("/v1/files", ServerForm().file("file", name, name)).json
                ids.append(file["id"] ?? .null)
            }
            let first = try await world.request("/v1/files?limit=2").json
            #expect(first["data"]?.array?.compactMap { $0["id"] } == [ids[2], ids[1]])
            #expect(first["has_more"] == true)
            #expect(first["last_id"] == ids[1])
            let second = try await world.request("/v1/files?after=\(ids[1].string ?? "")").json
            #expect(second["data"]?.array?.compactMap { $0["id"] } == [ids[0]])
            #expect(second["has_more"] == false)
            let models = try await world.request("/v1/files?purpose=model").json
            #expect(models["data"]?.array?.compactMap { $0["id"] } == [ids[2], ids[0]])
            #expect(try await world.request("/v1/files?after=file_0").status == 404)
            #expect(try await world.request("/v1/files?purpose=x").status == 422)
        }
    }

    @Test func `a body whose digest is known goes up once`() async throws {
        try await withServer { world in
            let path = "/v1/files/sha256:\(Self.digest("graph"))"
            #expect(try await world.request("HEAD", path).status == 404)
            let type = ("Content-Type", "application/x-www-form-urlencoded")
            let wrong = try await world.request("PUT", path, [type], body: Array("other".utf8))
            #expect(wrong.status == 400)
            #expect(wrong.code == "digest_mismatch")
            #expect(try await world.request("HEAD", path).status == 404)
            let stored = try await world.request("PUT", path + "?filename=net.onnx", [type], body: Array("graph".utf8))
            #expect(stored.status == 201)
            #expect(stored.json["filename"] == "net.onnx")
            #expect(stored.json["purpose"] == "model")
            #expect(try await world.request("HEAD", path).status == 200)
            #expect(try await world.request(path).json["id"] == stored.json["id"])
            let again = try await world.request("PUT", path, [type], body: Array("graph".utf8))
            #expect(again.status == 200)
            #expect(again.json["id"] == stored.json["id"])
        }
    }

    @Test(arguments: ["sha256:12", "sha256:" + String(repeating: "G", count: 64), "md5:00", "file_0"])
    func `what is no digest has no place for a body`(name: String) async throws {
        try await withServer { world in
            let reply = try await world.request("PUT", "/v1/files/\(name)", body: [1])
            #expect(reply.status == 404)
        }
    }

    @Test func `pickles are refused wherever they are sent`() async throws {
        try await withServer { world in
            let bytes: [UInt8] = [0x80, 2, 0x7D, 0x71]
            let hash = SHA256()
            hash.update(bytes.span)
            let put = try await world.request("PUT", "/v1/files/sha256:\(hash.finish())", body: bytes)
            #expect(put.status == 415)
            #expect(put.code == "pickle_rejected")
            let zip = ServerForm().file("file", "net.pt", "PK\u{3}\u{4}").field("purpose", "model")
            #expect(try await world.post("/v1/files", zip).code == "pickle_rejected")
            #expect(try await world.request("/v1/files").json["data"] == [])
        }
    }

    @Test func `a form without a file, or with something else, is refused`() async throws {
        try await withServer { world in
            let empty = try await world.post("/v1/files", ServerForm().field("purpose", "model"))
            #expect(empty.status == 422)
            #expect(empty.code == "missing_field")
            #expect(empty.hint == "-F file=@FILE")
            let misspelt = try await world.post("/v1/files", ServerForm().field("purpos", "model"))
            #expect(misspelt.hint == "did you mean 'purpose'?")
            let text = try await world.post("/v1/files", ServerForm().field("file", "x.npz"))
            #expect(text.hint == "send it as a file: -F file=@FILE")
            let purpose = ServerForm().file("file", "x.npz", "x").field("purpose", "fun")
            #expect(try await world.post("/v1/files", purpose).code == "invalid_option")
            #expect(try await world.post("/v1/files", json: [:]).status == 415)
        }
    }

    @Test func `what is in a file is told by a process that may fail`() async throws {
        try await withServer { world in
            let good = try await world.post("/v1/files", ServerForm().file("file", "net.onnx", "good")).json
            let found = try await world.request("/v1/files/\(good["id"]?.string ?? "")/inspect")
            #expect(found.status == 200)
            #expect(found.json["object"] == "plan")
            let bad = try await world.post("/v1/files", ServerForm().file("file", "net.onnx", "bad")).json
            let refused = try await world.request("/v1/files/\(bad["id"]?.string ?? "")/inspect")
            #expect(refused.status == 422)
            #expect(refused.code == "invalid_onnx")
        }
    }

    @Test func `a job keeps its files after they were deleted`() async throws {
        try await withServer { world in
            let blocker = try await world.submit(seed: 7)
            try await world.isHalfDone(blocker)
            let form = ServerForm().file("model", "net.onnx", "m").file("data", "x.npz", "d")
            let job = try await world.post("/v1/jobs", form).json
            for name in ["model", "training_file"] {
                #expect(try await world.request("DELETE", "/v1/files/\(job[name]?.string ?? "")").status == 200)
            }
            let id = try #require(job["id"]?.string)
            let folder = JobFolder("\(world.folder.path)/data/jobs/\(id)")
            #expect(try String(contentsOfFile: folder.model + "/net.onnx", encoding: .utf8) == "m")
            #expect(try String(contentsOfFile: folder.data + "/x.npz", encoding: .utf8) == "d")
            _ = try await world.request("POST", "/v1/jobs/\(blocker)/cancel")
            let ended = try await world.ended(id)
            #expect(ended["status"] == "succeeded")
            #expect(ended["model"] == job["model"])
        }
    }
}
