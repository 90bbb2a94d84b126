import Glibc
import SystemCalls

/// Checks whether a running server is ready, for `layercollapse healthcheck` inside a container.
enum Healthcheck {
    /// - Parameters:
    ///   - host: the host of the server; a wildcard address is replaced by loopback
    ///   - port: the port of the server
    /// - Returns: true when `/readyz` responds 200 within five seconds
    static func isReady(host: String, port: UInt16) -> Bool {
        let host = ["0.0.0.0", "::", "localhost"].contains(host) ? "127.0.0.1" : host
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        // SAFETY: `hints` and `found` live through the call; the result is freed below.
        guard unsafe getaddrinfo(host, String(port), &hints, &found) == 0, let address = unsafe found else {
            return false
        }
        defer { unsafe freeaddrinfo(address) }
        let raw = unsafe socket(address.pointee.ai_family, address.pointee.ai_socktype, 0)
        guard raw >= 0 else { return false }
        let descriptor = FileDescriptor(raw)
        defer { withExtendedLifetime(descriptor) {} }
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            // SAFETY: the option's value is a `timeval` of this size.
            _ = unsafe setsockopt(raw, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        // SAFETY: the address and its length come from getaddrinfo.
        guard unsafe connect(raw, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 else { return false }
        let request = Array("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        // SAFETY: the buffers are the arrays' own and the counts their lengths.
        let sent = unsafe send(raw, request, request.count, CInt(MSG_NOSIGNAL))
        guard sent == request.count else { return false }
        var answer = [UInt8](repeating: 0, count: 12)
        let count = unsafe recv(raw, &answer, answer.count, CInt(MSG_WAITALL))
        return count == answer.count && String(decoding: answer, as: UTF8.self) == "HTTP/1.1 200"
    }
}
