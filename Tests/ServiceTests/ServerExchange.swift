import Foundation
import Glibc
import Testing

@testable import JobContract
@testable import Service

/// A client's request on a connection of its own.
struct ServerExchange {
    /// The response, parsed by code of the tests alone.
    struct Reply {
        var status = 0
        /// The headers by lower-case name.
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// True when the response is complete.
        var isComplete = true

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }
        var code: String? { json["code"]?.string }
        var hint: String? { json["errors"]?.array?.first?["hint"]?.string }
    }

    var method = "GET"
    /// The target, as in the request line.
    var target: String
    var headers: [(String, String)] = []
    var body: [UInt8] = []

    private var bytes: [UInt8] {
        let host = headers.contains { $0.0 == "Host" } ? "" : "Host: localhost\r\n"
        var text = "\(method) \(target) HTTP/1.1\r\n\(host)Connection: close\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if !body.isEmpty || method == "POST" || method == "PUT" { text += "Content-Length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8) + body
    }

    /// Sends the request and reads the response, on a thread that may block.
    ///
    /// - Parameters:
    ///   - port: the port on loopback
    ///   - isEnough: true when the body so far suffices; the stream of an endless job has no other end
    /// - Returns: the response
    /// - Throws: an error when there is no response.
    func run(port: UInt16, until isEnough: @escaping @Sendable (String) -> Bool = { _ in false }) async throws -> Reply
    {
        let (request, isHead) = (bytes, method == "HEAD")
        let raw: [UInt8] = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: Self.exchange(request, port, isEnough)) }
        }
        let reply = try #require(Self.parse(raw), "\(method) \(target) got no answer")
        if isHead { #expect(reply.body.isEmpty, "an answer to HEAD has no body") }
        return reply
    }

    private static func exchange(_ request: [UInt8], _ port: UInt16, _ isEnough: (String) -> Bool) -> [UInt8] {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { return [] }
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            sent += count
        }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return answer }
            answer += chunk[..<count]
            if isEnough(String(decoding: answer, as: UTF8.self)) { return answer }
        }
    }

    private static func parse(_ raw: [UInt8]) -> Reply? {
        guard let end = raw.indices.first(where: { raw[$0...].starts(with: [13, 10, 13, 10]) }) else { return nil }
        let lines = String(decoding: raw[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        guard lines[0].hasPrefix("HTTP/1.1 "), let status = Int(lines[0].dropFirst(9).prefix(3)) else { return nil }
        var reply = Reply(status: status)
        for line in lines.dropFirst() {
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            reply.headers[line[..<colon].lowercased()] = String(line[colon...].dropFirst(2))
        }
        reply.body = Array(raw[(end + 4)...])
        if reply.headers["transfer-encoding"] == "chunked" {
            reply.isComplete = reply.body.suffix(5).elementsEqual("0\r\n\r\n".utf8)
            reply.body = joined(reply.body)
        } else if let length = reply.headers["content-length"].flatMap({ Int($0) }) {
            reply.isComplete = reply.body.count == length
        }
        return reply
    }

    /// The content of the chunks received so far.
    private static func joined(_ chunks: [UInt8]) -> [UInt8] {
        var (content, rest) = ([UInt8](), chunks[...])
        while let end = rest.firstIndex(of: 13),
            let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16),
            size > 0
        {
            content += rest[(end + 2)...].prefix(size)
            rest = rest.dropFirst(end - rest.startIndex + 2 + size + 2)
        }
        return content
    }
}
