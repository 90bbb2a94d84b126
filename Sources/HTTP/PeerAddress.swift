/// Whose connection it is, without the port. All of IPv6's addresses that one site usually has count as one.
struct PeerAddress: Hashable, Sendable {
    private var bytes: UInt64 = 0
    private var isLong = false

    init() {}

    /// - Parameters:
    ///   - address: as the system writes it: family, port, and then four bytes, or for IPv6 four others and sixteen
    ///   - isLong: whether it is one of IPv6
    init(_ address: some RandomAccessCollection<UInt8>, isLong: Bool) {
        let start = address.index(address.startIndex, offsetBy: isLong ? 8 : 4)
        for byte in address[start...].prefix(isLong ? 8 : 4) { bytes = bytes << 8 | UInt64(byte) }
        self.isLong = isLong
    }
}
