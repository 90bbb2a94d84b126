import ByteText
import JobContract

/// The names under which the service answers.
enum HostName {
    /// Whether a request's authority is `localhost`, an IP address, or one of the names; HTTP/1.0 may leave it out.
    ///
    /// - Parameters:
    ///   - authority: host and perhaps a port, in the form that the connection has checked
    ///   - names: other hosts that are ours
    /// - Returns: whether the request is meant for this service
    static func isOurs(_ authority: String, names: [String]) -> Bool {
        if authority.isEmpty { return true }
        let host = host(of: authority)
        return host.startsWithBytes(of: "[") || isAddress(host)
            || (["localhost"] + names).contains { $0.asciiLowercased.hasBytes(of: host) }
    }

    /// Whether a page of this origin came from the authority; `null` and what is no http origin did not.
    static func isOrigin(_ origin: String, of authority: String) -> Bool {
        ["http://", "https://"].contains { origin.asciiLowercased.hasBytes(of: $0 + authority.asciiLowercased) }
    }

    /// Without the port, in lower case.
    private static func host(of authority: String) -> String {
        if authority.startsWithBytes(of: "[") { return authority.bytes(before: UInt8(ascii: "]")) + "]" }
        return authority.bytes(before: UInt8(ascii: ":")).asciiLowercased
    }

    /// Four numbers with dots between them, and no other way in which an address may be written.
    private static func isAddress(_ host: String) -> Bool {
        let parts = host.splitBytes(at: UInt8(ascii: "."), keepsEmpty: true)
        return parts.count == 4
            && parts.allSatisfy { $0.isDigits && $0.utf8.count <= 3 && Int($0).map { $0 <= 255 } ?? false }
    }
}
