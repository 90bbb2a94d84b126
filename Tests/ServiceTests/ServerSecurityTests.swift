import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import JobContract
@testable import Service

/// The limits on what a client can reach and see.
struct ServerSecurityTests {
    private static let names = [
        "..", ".", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%2e%2e%2f%2e%2e", "..%5c..", "file_0%00", "file_0%2f..", "%ff",
        "%", "file_0%0d%0aX-Evil:%201", "....//....//etc/passwd", "*", "file_0;rm", "'%20OR%201=1--", "$(id)",
    ]

    @Test(arguments: ["/v1/files/", "/v1/jobs/"])
    func `ids never become paths`(base: String) async throws {
        try await withServer { world in
            for name in Self.names {
                for suffix in ["", "/content", "/model", "/inspect", "/events"] {
                    let reply = try await world.request(base + name + suffix)
                    #expect([400, 404].contains(reply.status), "\(base)\(name)\(suffix) \(reply.status)")
                    #expect(reply.headers["x-evil"] == nil)
                    #expect(!reply.text.contains("root:"))
                }
                let deleted = try await world.request("DELETE", base + name)
                #expect([400, 404, 405].contains(deleted.status), "\(name) \(deleted.status)")
            }
            #expect(FileManager.default.fileExists(atPath: world.folder.path + "/data/queue.sqlite"))
        }
    }

    @Test(arguments: [("cross-site", 403), ("same-site", 403), ("same-origin", 202), ("none", 202)])
    func `a page of another site changes nothing`(site: String, status: Int) async throws {
        try await withServer { world in
            let headers = [("Content-Type", ServerForm.contentType), ("Sec-Fetch-Site", site)]
            let form = ServerForm().file("model", "net.onnx", "m").bytes
            let reply = try await world.request("POST", "/v1/jobs", headers, body: form)
            #expect(reply.status == status)
            #expect(try await world.request("/v1/jobs", headers).status == 200)
        }
    }

    @Test func `what was deleted is answered like what never was`() async throws {
        try await withServer { world in
            let file = try await world.post("/v1/files", ServerForm().file("file", "x.npz", "x")).json["id"]?.string
            let job = try await world.submit()
            _ = try await world.ended(job)
            let foreign = try #require(file)
            _ = try await world.request("DELETE", "/v1/files/\(foreign)")
            _ = try await world.request("DELETE", "/v1/jobs/\(job)")
            let absent = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
            for (base, id, other) in [
                ("/v1/files/", foreign, "file_" + absent), ("/v1/jobs/", job, "job_" + absent),
                ("/v1/files/", foreign, "no id at all".replacing(" ", with: "-")),
            ] {
                let replies = [try await world.request(base + id), try await world.request(base + other)]
                let texts = zip(replies, [id, other]).map { reply, id in
                    reply.text.replacing(id, with: "ID")
                        .replacing(reply.headers["x-request-id"] ?? "", with: "REQUEST")
                }
                #expect(replies[0].status == 404)
                #expect(texts[0] == texts[1])
                let names = replies.map { $0.headers.keys.sorted() }
                #expect(names[0] == names[1])
            }
        }
    }

    @Test func `no answer says where the data are`() async throws {
        try await withServer { world in
            let ids = [try await world.submit(), try await world.submit(seed: 8), try await world.submit(seed: 9)]
            for id in ids { _ = try await world.ended(id) }
            let file = try await world.post("/v1/files", ServerForm().file("file", "net.onnx", "bad")).json["id"]?
                .string
            var texts: [String] = []
            for id in ids + ["job_0"] {
                for route in RouteTable.all.routes where route.method == .get {
                    let owner = route.template.hasPrefix("/v1/files") ? file ?? "" : id
                    let path = route.template.replacing("{id}", with: owner).replacing("{name}", with: "report.md")
                    let reply = try await world.request(path)
                    texts += [reply.text, "\(reply.headers)"]
                }
            }
            texts.append(try await world.post("/v1/plan", ServerForm().file("model", "net.onnx", "crash")).text)
            texts.append(try await world.post("/v1/plan", ServerForm().file("model", "a/../b/net.onnx", "bad")).text)
            let folder = URL(filePath: world.folder.path).standardizedFileURL.lastPathComponent
            for text in texts { #expect(!text.contains(folder), "\(text)") }
        }
    }

    @Test func `data that are gone are told as trouble of the service, without their path`() async throws {
        try await withServer { world in
            let file = try await world.post("/v1/files", ServerForm().file("file", "x.npz", "x")).json["id"]?.string
            let id = try #require(file)
            try FileManager.default.removeItem(atPath: "\(world.folder.path)/data/files/\(id)/0")
            let reply = try await world.request("/v1/files/\(id)/content")
            #expect(reply.status == 404)
            let job = try await world.post("/v1/jobs", json: ["model": .string(id)])
            #expect(job.status == 500)
            #expect(job.code == "internal_error")
            #expect(job.json["error"]?["type"] == "server_error")
            #expect(!job.text.contains(world.folder.path))
            #expect(try await world.request("/readyz").status == 200)
        }
    }
}
