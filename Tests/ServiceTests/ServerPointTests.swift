import Foundation
import SystemCalls
import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// The points of a job, as its script in ``TestServer`` writes them: one that is stored, and one that is not.
@Suite struct ServerPointTests {
    /// The stored point, and its SHA-256 by `openssl dgst`.
    private static let model = "a tiny model"
    private static let digest = "48b6616504734f77529eec0bb11abf816a432b133df7efdb9f0d4ebd7736ce2f"
    private static let base64 = "SLZhZQRzT3dSnuwLsRq/gWpDKxM99+/bnw1OvXc2zi8="

    private func withPoints(
        _ settings: [String: String] = [:], _ body: (TestServer, String, JobFolder) async throws -> Void
    ) async throws {
        try await withServer(settings) { world in
            let id = try await world.submit()
            _ = try await world.ended(id)
            try await body(world, "/v1/jobs/\(id)", JobFolder("\(world.folder.path)/data/jobs/\(id)"))
        }
    }

    @Test(arguments: ["jobs", "fine_tuning/jobs"])
    func `points are listed with where their models are`(route: String) async throws {
        try await withPoints { world, path, _ in
            let list = try await world.request("/v1/\(route)" + path.dropFirst("/v1/jobs".count) + "/checkpoints").json
            let points = try #require(list["data"]?.array)
            #expect(points.map { $0["id"] } == ["ckpt_1", "ckpt_2"])
            #expect(points.map { $0["object"] } == ["job.checkpoint", "job.checkpoint"])
            #expect(points.map { $0["parameters"] } == [10, 5])
            #expect(points.map { $0["bytes"] } == [12, .null])
            #expect(points.map { $0["digest"] } == [.string("sha256:\(Self.digest)"), .null])
            #expect(points.map { $0["chosen"] } == [true, false])
            // That of the result, which was measured.
            #expect(points.map { $0["latency_ms_p50"] } == [1.5, .null])
            #expect(
                points.map { $0["fine_tuned_model_checkpoint"] }
                    == [.string("\(path)/model?checkpoint=ckpt_1"), .null])
        }
    }

    @Test func `a point comes whole, with its name, its tag and its digest`() async throws {
        try await withPoints { world, path, _ in
            let target = path + "/model?checkpoint=ckpt_1"
            let reply = try await world.request(target)
            #expect(reply.status == 200)
            #expect(reply.text == Self.model)
            #expect(reply.headers["content-disposition"] == #"attachment; filename="net.ckpt_1.onnx""#)
            #expect(reply.headers["etag"] == "\"sha256:\(Self.digest)\"")
            #expect(reply.headers["repr-digest"] == "sha-256=:\(Self.base64):")
            #expect(reply.headers["accept-ranges"] == "bytes")
            let head = try await world.request("HEAD", target)
            #expect((head.status, head.headers["content-length"], head.text) == (200, "12", ""))
            let known = try await world.request(target, [("If-None-Match", "\"sha256:\(Self.digest)\"")])
            #expect((known.status, known.text) == (304, ""))
            // The result is another file.
            #expect(try await world.request(path + "/model").text == "a smaller model")
        }
    }

    @Test func `any part of a point can be asked for`() async throws {
        try await withPoints { world, path, _ in
            let bytes = Array(Self.model.utf8)
            for start in bytes.indices {
                for end in start..<bytes.count {
                    let reply = try await world.request(
                        path + "/model?checkpoint=ckpt_1", [("Range", "bytes=\(start)-\(end)")])
                    #expect(reply.status == 206)
                    #expect(Array(reply.text.utf8) == Array(bytes[start...end]))
                    #expect(reply.headers["content-range"] == "bytes \(start)-\(end)/12")
                }
            }
            let beyond = try await world.request(path + "/model?checkpoint=ckpt_1", [("Range", "bytes=12-")])
            #expect((beyond.status, beyond.headers["content-range"]) == (416, "bytes */12"))
        }
    }

    @Test(arguments: ["", "ckpt_0", "ckpt_3", "ckpt_01", "ckpt_%2B1", "1", "..%2Freport.json"])
    func `a point that is not there is told with those that are`(id: String) async throws {
        try await withPoints { world, path, _ in
            let reply = try await world.request("\(path)/model?checkpoint=\(id)")
            #expect((reply.status, reply.code) == (404, "not_found"))
            #expect(reply.json["detail"] == "There is no such checkpoint; this job has ckpt_1 to ckpt_2.")
        }
    }

    @Test func `a point that was not kept is told from one that is not there`() async throws {
        try await withPoints { world, path, _ in
            let reply = try await world.request(path + "/model?checkpoint=ckpt_2")
            #expect((reply.status, reply.code) == (404, "not_found"))
            #expect(reply.json["detail"] == "The point ckpt_2 is listed, but its model was not kept.")
        }
    }

    @Test func `a job that has not ended has no point yet, and one that failed has none`() async throws {
        try await withServer { world in
            for (seed, code) in [(8, "job_not_succeeded"), (7, "job_not_finished")] {
                let id = try await world.submit(seed: seed)
                if seed == 8 { _ = try await world.ended(id) }
                let reply = try await world.request("/v1/jobs/\(id)/model?checkpoint=ckpt_1")
                #expect((reply.status, reply.code) == (409, code))
                #expect(try await world.request("/v1/jobs/\(id)/checkpoints").json["data"]?.array?.isEmpty == true)
            }
        }
    }

    @Test func `a point outlives the upload that its job was made of`() async throws {
        try await withPoints { world, path, _ in
            let model = try #require(try await world.request(path).json["model"]?.string)
            #expect(try await world.request("DELETE", "/v1/files/\(model)").status == 200)
            #expect(try await world.request(path + "/model?checkpoint=ckpt_1").text == Self.model)
        }
    }

    @Test func `a point without its original, or with another one, is never sent`() async throws {
        try await withPoints { world, path, folder in
            let original = folder.model + "/net.onnx"
            try FileManager.default.removeItem(atPath: original)
            let gone = try await world.request(path + "/model?checkpoint=ckpt_1")
            #expect((gone.status, gone.code) == (404, "not_found"))
            #expect(gone.json["detail"] == "The point ckpt_1 cannot be put together: a file of the job is gone.")
            try "another".write(toFile: folder.path + "/else", atomically: false, encoding: .utf8)
            try FileManager.default.createSymbolicLink(atPath: original, withDestinationPath: "../else")
            #expect(try await world.request(path + "/model?checkpoint=ckpt_1").status == 500)
            try FileManager.default.removeItem(atPath: original)
            try "a longer model".write(toFile: original, atomically: false, encoding: .utf8)
            let other = try await world.request(path + "/model?checkpoint=ckpt_1")
            #expect((other.status, other.json["detail"]) == (500, "The stored point is damaged."))
        }
    }

    @Test func `a damaged difference is never sent`() async throws {
        try await withPoints { world, path, folder in
            let point = folder.points + "/ckpt_1"
            let whole = try String(contentsOfFile: point, encoding: .utf8)
            for damaged in [String(whole.dropLast(2)), whole + "x", "", "{}", "net.onnx"] {
                try damaged.write(toFile: point, atomically: false, encoding: .utf8)
                let reply = try await world.request(path + "/model?checkpoint=ckpt_1")
                #expect((reply.status, reply.json["detail"]) == (500, "The stored point is damaged."))
            }
            try whole.write(toFile: point, atomically: false, encoding: .utf8)
            #expect(try await world.request(path + "/model?checkpoint=ckpt_1").text == Self.model)
            try "a tin".write(toFile: folder.points + "/new", atomically: false, encoding: .utf8)
            #expect(try await world.request(path + "/model?checkpoint=ckpt_1").status == 500)
        }
    }

    @Test func `deleting a job deletes its points, and both count as stored`() async throws {
        let size = "a model".utf8.count + 5
        try await withPoints(["stored_limit_bytes": String(size)]) { world, path, folder in
            #expect(try DurableFile.names(in: folder.points) == ["ckpt_1", "new"])
            let form = ServerForm().file("file", "other.onnx", "m")
            let full = try await world.post("/v1/files", form)
            #expect((full.status, full.code) == (507, "disk_full"))
            #expect(try await world.request("DELETE", path).status == 200)
            #expect(!FileManager.default.fileExists(atPath: folder.path))
            #expect(try await world.post("/v1/files", form).status == 201)
        }
    }
}
