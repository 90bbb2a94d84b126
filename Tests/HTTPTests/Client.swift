// Support for the HTTP server tests: a blocking client, a server for one test, and handlers.

import Dispatch
import Glibc
import HTTP
import HTTPTypes
import Logging
import Testing

/// A response as the client received it, parsed without code of the server under test.
struct Received {
    var status = 0
    /// The headers by lower-case name.
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var isComplete = false
}

/// A blocking client. A class because it owns the socket.
final class Client {
    private let descriptor: CInt
    private var buffer: [UInt8] = []

    init(port: UInt16, receiveBuffer: CInt? = nil) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<CInt>.size))
        }
        try #require(Self.connect(descriptor, port: port), "connect: \(errno)")
    }

    private static func connect(_ descriptor: CInt, port: UInt16) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    static func canConnect(port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        return connect(descriptor, port: port)
    }

    deinit { close(descriptor) }

    /// Makes the end of this client reset the connection.
    func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Sends bytes.
    ///
    /// - Returns: whether all of them were sent
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(bytes(text)) }

    func sendEnd() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Reads once into the buffer.
    ///
    /// - Returns: false at the end and after a timeout
    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }

    func nextBytes(_ count: Int) -> [UInt8]? {
        while buffer.count < count { guard fill() else { return nil } }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    func nextLine() -> String? {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) { return nextBytes(end + 1).map { text($0.dropLast(2)) } }
            guard fill() else { return nil }
        }
    }

    /// Reads one response; nil when there is none.
    func receive(hasBody: Bool = true) -> Received? {
        var received = Received()
        guard let first = nextLine(), first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3))
        else { return nil }
        received.status = status
        while let field = nextLine(), !field.isEmpty {
            let colon = field.firstIndex(of: ":") ?? field.endIndex
            received.headers[field[..<colon].lowercased()] = String(field[colon...].dropFirst(2))
        }
        if !hasBody || status == 100 || status == 204 || status == 304 {
            received.isComplete = true
        } else if let length = received.headers["content-length"].flatMap({ Int($0) }) {
            let body = nextBytes(length)
            received.body = body ?? buffer
            received.isComplete = body != nil
        } else if received.headers["transfer-encoding"] == "chunked" {
            while let size = nextLine().flatMap({ Int($0, radix: 16) }), let chunk = nextBytes(size), nextLine() == "" {
                received.body += chunk
                if size == 0 {
                    received.isComplete = true
                    break
                }
            }
        } else {
            while fill() {}
            received.body = buffer
            received.isComplete = true
        }
        return received
    }

    /// Returns whether the server has closed the connection without a reset or further bytes.
    func isAtEnd() -> Bool {
        guard buffer.isEmpty else { return false }
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, 0) == 0
    }
}

/// Runs a server for the duration of a test.
func withServer(
    limits: Limits = Limits(), workers: Int = 4, respond: @escaping @Sendable (Request) async -> Response = echo,
    answersWhenFull: @escaping @Sendable (RequestHead) -> Bool = { _ in false },
    _ body: (UInt16, Server) async throws -> Void
) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let reject: @Sendable (RequestError) -> Response = { error in
        Response(status: error.status, headers: [.contentType: "text/plain"], body: .bytes(bytes("\(error)")))
    }
    let handler = Handler(respond: respond, reject: reject, answersWhenFull: answersWhenFull)
    let server = try Server(
        host: "127.0.0.1", port: 0, limits: limits, workers: workers, logger: logger, handler: handler)
    try await server.start()
    do {
        try await body(server.port, server)
    } catch {
        await server.stop(within: .zero)
        throw error
    }
    await server.stop(within: .seconds(5))
}

/// A handler that responds with the body of the request, or with its path if there is no body.
@Sendable func echo(_ request: Request) async -> Response {
    if request.head.framing == .none { return Response(status: 200, body: .bytes(bytes(request.head.path))) }
    var body: [UInt8] = []
    do {
        while let more = try await request.nextBytes() { body += more }
    } catch {
        return Response(status: 500, body: .bytes(bytes("\(error)")))
    }
    return Response(status: 200, body: .bytes(body))
}

extension Client {
    /// Reads one chunk of a body; empty for the last one, nil when none arrives.
    func receiveChunk() -> [UInt8]? {
        guard let size = nextLine().flatMap({ Int($0, radix: 16) }), let chunk = nextBytes(size), nextLine() == ""
        else {
            return nil
        }
        return chunk
    }
}

/// A gate that lets one waiter through per `open()`. A class because both sides share it.
final class DispatchGate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() { semaphore.wait() }
    func open() { semaphore.signal() }
}

func openDescriptors() -> Int {
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
}

func otherServer(host: String, port: UInt16) throws -> Server {
    try Server(
        host: host, port: port, limits: Limits(), workers: 1, logger: Logger(label: "test"),
        handler: Handler(respond: echo) { Response(status: $0.status) })
}

func get(_ path: String = "/a", _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}
