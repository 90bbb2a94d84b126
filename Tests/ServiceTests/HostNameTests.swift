import Testing

@testable import JobContract
@testable import Service

/// The host name that a client uses, and the origin that a page states.
struct HostNameTests {
    @Test(arguments: [
        "", "localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:8080", "192.0.2.7", "[::1]", "[::1]:8080",
        "[2001:db8::1]", "models.example", "Models.Example:443",
    ])
    func `the service answers to its own names and to addresses`(authority: String) {
        #expect(HostName.isOurs(authority, names: ["models.example"]))
    }

    @Test(arguments: [
        "evil.example", "localhost.evil.example", "evil.localhost", "127.0.0.1.evil.example", "127.1", "127.0.0.256",
        "0x7f.0.0.1", "127.0.0.1.", "2130706433", "0177.0.0.0001", "models.example.evil", "xmodels.example",
        "l\u{43E}calhost",
        "localhost\u{301}", "1.2.3.", ".1.2.3",
    ])
    func `and to no others, however near they are`(authority: String) {
        #expect(!HostName.isOurs(authority, names: ["models.example"]))
    }

    @Test(arguments: [
        ("http://127.0.0.1:8080", true), ("HTTP://127.0.0.1:8080", true), ("https://127.0.0.1:8080", true),
        ("null", false),
        ("", false), ("http://127.0.0.1:8081", false), ("http://127.0.0.1", false), ("http://127.0.0.1:8080/", false),
        ("http://evil.example", false), ("file://127.0.0.1:8080", false), ("http://127.0.0.1:8080\u{301}", false),
    ])
    func `a page is ours when it came from the very name that is asked`(origin: String, isOurs: Bool) {
        #expect(HostName.isOrigin(origin, of: "127.0.0.1:8080") == isOurs)
    }

    @Test func `a request under another name is misdirected, and reads nothing`() async throws {
        try await withServer(["hosts": "models.example, other.example"]) { world in
            for path in ["/", "/v1/jobs", "/livez", "/readyz", "/nothing"] {
                let reply = try await world.request("GET", path, [("Host", "evil.example")])
                #expect(reply.status == 421, "\(path)")
                #expect(reply.code == "misdirected_request")
            }
            #expect(try await world.request("GET", "/v1/jobs", [("Host", "other.example:80")]).status == 200)
            let form = ServerForm().file("model", "net.onnx", "m").bytes
            let type = ("Content-Type", ServerForm.contentType)
            let posted = try await world.request("POST", "/v1/jobs", [("Host", "evil.example"), type], body: form)
            #expect(posted.status == 421)
            #expect(try await world.request("/v1/jobs").json["data"]?.array?.isEmpty == true)
        }
    }

    @Test(arguments: ["http://evil.example", "null", "http://127.0.0.1:1"])
    func `a page of another origin changes nothing, also without fetch metadata`(origin: String) async throws {
        try await withServer { world in
            let form = ServerForm().file("model", "net.onnx", "m").bytes
            let headers = [("Content-Type", ServerForm.contentType), ("Origin", origin)]
            let reply = try await world.request("POST", "/v1/jobs", headers, body: form)
            #expect(reply.status == 403)
            #expect(reply.code == "forbidden")
            #expect(try await world.request("GET", "/v1/jobs", [("Origin", origin)]).status == 200)
        }
    }
}
