import ByteText
import JobContract

/// The host names of this server.
enum HostName {
    /// True when a request's authority is `localhost`, an IP address or one of the names, or absent, as HTTP/1.0
    /// allows.
    ///
    /// - Parameters:
    ///   - authority: the host with an optional port, already checked by the connection
    ///   - names: the other host names of this server
    /// - Returns: true when the request is meant for this server
    static func isOurs(_ authority: String, names: [String]) -> Bool {
        if authority.isEmpty { return true }
        let host = host(of: authority)
        return host.startsWithBytes(of: "[") || isAddress(host)
            || (["localhost"] + names).contains { $0.asciiLowercased.hasBytes(of: host) }
    }

    /// True when a page of this origin came from the authority; false for `null` and for schemes other than HTTP.
    static func isOrigin(_ origin: String, of authority: String) -> Bool {
        ["http://", "https://"].contains { origin.asciiLowercased.hasBytes(of: $0 + authority.asciiLowercased) }
    }

    /// The host without the port, in lower case.
    private static func host(of authority: String) -> String {
        if authority.startsWithBytes(of: "[") { return authority.bytes(before: UInt8(ascii: "]")) + "]" }
        return authority.bytes(before: UInt8(ascii: ":")).asciiLowercased
    }

    /// True for an IPv4 address of four decimal numbers; other notations are not accepted.
    private static func isAddress(_ host: String) -> Bool {
        let parts = host.splitBytes(at: UInt8(ascii: "."), keepsEmpty: true)
        return parts.count == 4
            && parts.allSatisfy { $0.isDigits && $0.utf8.count <= 3 && Int($0).map { $0 <= 255 } ?? false }
    }
}
