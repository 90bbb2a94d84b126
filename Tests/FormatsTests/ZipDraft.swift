// Test support: writes `.npz` files, valid or invalid, without the code under test.

/// Builds a zip file, valid or invalid.
struct ZipDraft {
    struct Entry {
        var name: String
        /// The bytes in the file, possibly compressed.
        var stored: [UInt8]
        var method: UInt64 = 0
        var flags: UInt64 = 0
        var size: UInt64
        var storedSize: UInt64
        var checksum: UInt64
        /// A false offset of the entry in the central directory; nil for the true one.
        var offset: UInt64?
        /// The extra field in the central directory.
        var extra: [UInt8] = []

        init(_ name: String, _ bytes: [UInt8]) {
            (self.name, stored) = (name, bytes)
            (size, storedSize, checksum) = (UInt64(bytes.count), UInt64(bytes.count), ZipDraft.checksum(bytes))
        }

        /// An entry of a single uncompressed deflate block.
        static func deflated(_ name: String, _ bytes: [UInt8]) -> Entry {
            var entry = Entry(name, bytes)
            let count = UInt64(bytes.count)
            entry.stored = [1] + little(count, 2) + little(~count & 0xFFFF, 2) + bytes
            entry.storedSize = UInt64(entry.stored.count)
            entry.method = 8
            return entry
        }
    }

    var entries: [Entry]
    /// A false number of entries in the end record; nil for the true one.
    var count: UInt64?

    init(_ entries: [Entry]) { self.entries = entries }

    var bytes: [UInt8] {
        var (bytes, list) = ([UInt8](), [UInt8]())
        for entry in entries {
            let start = UInt64(bytes.count)
            let name = Array(entry.name.utf8)
            var common = little(45, 2) + little(entry.flags, 2) + little(entry.method, 2) + little(0, 4)
            common += little(entry.checksum, 4) + little(entry.storedSize, 4) + little(entry.size, 4)
            common += little(UInt64(name.count), 2)
            bytes += little(0x0403_4B50, 4) + common + little(0, 2) + name + entry.stored
            list += little(0x0201_4B50, 4) + little(45, 2) + common + little(UInt64(entry.extra.count), 2)
            list += little(0, 10) + little(entry.offset ?? start, 4) + name + entry.extra
        }
        let count = self.count ?? UInt64(entries.count)
        let end = little(0x0605_4B50, 4) + little(0, 4) + little(count, 2) + little(count, 2)
        return bytes + list + end + little(UInt64(list.count), 4) + little(UInt64(bytes.count), 4) + little(0, 2)
    }

    static func checksum(_ bytes: [UInt8]) -> UInt64 {
        var checksum: UInt32 = .max
        for byte in bytes {
            checksum ^= UInt32(byte)
            for _ in 0..<8 { checksum = checksum >> 1 ^ (checksum & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return UInt64(~checksum)
    }

    /// The bytes of an `.npy` file.
    static func npy(
        _ shape: String = "(2,)", type: String = "'<f4'", order: String = "False",
        data: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64]
    ) -> [UInt8] {
        header("{'descr': \(type), 'fortran_order': \(order), 'shape': \(shape), }\n") + data
    }

    static func header(_ text: String, version: UInt8 = 1) -> [UInt8] {
        [0x93] + Array("NUMPY".utf8) + [version, 0] + little(UInt64(text.utf8.count), version == 1 ? 2 : 4)
            + Array(text.utf8)
    }
}

func little(_ value: UInt64, _ width: Int) -> [UInt8] {
    (0..<width).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) : 0 }
}
