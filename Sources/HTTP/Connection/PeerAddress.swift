/// The address of a client without the port. IPv6 addresses with the same first 64 bits are equal, and an IPv4-mapped
/// IPv6 address equals its IPv4 address (RFC 4291 §2.5.5.2).
struct PeerAddress: Hashable, Sendable {
    private var bytes: UInt64 = 0
    private var isLong = false

    init() {}

    /// - Parameters:
    ///   - address: a `sockaddr_in` or `sockaddr_in6`: family, port, then IPv4 address, or flow info and IPv6 address
    ///   - isLong: whether it is an IPv6 address
    init(_ address: some RandomAccessCollection<UInt8>, isLong: Bool) {
        let start = address.index(address.startIndex, offsetBy: isLong ? 8 : 4)
        let all = Array(address[start...].prefix(isLong ? 16 : 4))
        let isMapped = isLong && all.starts(with: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF])
        self.isLong = isLong && !isMapped
        for byte in isMapped ? all.suffix(4) : all.prefix(8) { bytes = bytes << 8 | UInt64(byte) }
    }
}
