/// Whose connection it is, without the port. All of IPv6's addresses that one site usually has count as one, and an IPv4 address
/// is the same whether the socket is one of IPv4 or of both (RFC 4291 §2.5.5.2).
struct PeerAddress: Hashable, Sendable {
    private var bytes: UInt64 = 0
    private var isLong = false

    init() {}

    /// - Parameters:
    ///   - address: as the system writes it: family, port, and then four bytes, or for IPv6 four others and sixteen
    ///   - isLong: whether it is one of IPv6
    init(_ address: some RandomAccessCollection<UInt8>, isLong: Bool) {
        let start = address.index(address.startIndex, offsetBy: isLong ? 8 : 4)
        let all = Array(address[start...].prefix(isLong ? 16 : 4))
        let isMapped = isLong && all.starts(with: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF])
        self.isLong = isLong && !isMapped
        for byte in isMapped ? all.suffix(4) : all.prefix(8) { bytes = bytes << 8 | UInt64(byte) }
    }
}
