import Testing

@testable import HTTP

private let family: [UInt8] = [0, 0, 0, 0]

private func long(_ address: [UInt8]) -> PeerAddress { PeerAddress(family + [0, 0, 0, 0] + address, isLong: true) }
private func short(_ address: [UInt8]) -> PeerAddress { PeerAddress(family + address, isLong: false) }

@Test func `an IPv4 address is one client, whatever kind of socket it came to`() {
    let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
    #expect(long(mapped + [192, 0, 2, 1]) == short([192, 0, 2, 1]))
    #expect(long(mapped + [192, 0, 2, 1]) != long(mapped + [192, 0, 2, 2]))
}

@Test func `the addresses of one IPv6 network are one client`() {
    let network: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 1, 0, 2]
    #expect(long(network + [UInt8](repeating: 1, count: 8)) == long(network + [UInt8](repeating: 2, count: 8)))
    #expect(long(network + [UInt8](repeating: 1, count: 8)) != long([UInt8](repeating: 3, count: 16)))
    // An IPv6 network whose first bytes equal an IPv4 address.
    #expect(long([192, 0, 2, 1] + [UInt8](repeating: 0, count: 12)) != short([192, 0, 2, 1]))
}
