import ByteText

/// The header of a safetensors file, in a subset of JSON.
///
/// A general JSON decoder would accept duplicate keys, and different readers use different ones.
struct SafetensorsHeader {
    struct Entry {
        let name: String
        var type = ""
        var sizes: [Int] = []
        var begin = 0
        var end = 0
    }

    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: String] = [:]
    private let bytes: Bytes
    private var offset = 0

    /// Parses a header.
    ///
    /// - Throws: ``FormatError/data(_:)`` naming the byte at which the header is invalid.
    init(_ bytes: Bytes) throws(FormatError) {
        self.bytes = bytes
        var names: Set<String> = []
        try members { (self, name) throws(FormatError) in
            guard names.insert(name).inserted else { throw self.wrong("the name '\(name)' a second time") }
            if name == "__metadata__" {
                try self.members { (self, key) throws(FormatError) in self.metadata[key] = try self.string() }
            } else {
                self.entries.append(try self.entry(name))
            }
        }
        space()
        guard offset == bytes.count else { throw wrong("more after the end") }
    }

    private mutating func entry(_ name: String) throws(FormatError) -> Entry {
        var entry = Entry(name: name)
        var seen: Set<String> = []
        try members { (self, key) throws(FormatError) in
            guard seen.insert(key).inserted else { throw self.wrong("'\(key)' a second time") }
            switch key {
            case "dtype": entry.type = try self.string()
            case "shape":
                entry.sizes = try self.numbers()
                guard entry.sizes.count <= NPZ.Limits.rank else { throw self.wrong("so many axes") }
            case "data_offsets":
                let offsets = try self.numbers()
                guard offsets.count == 2 else { throw self.wrong("\(offsets.count) offsets") }
                (entry.begin, entry.end) = (offsets[0], offsets[1])
            default: throw self.wrong("'\(key)'")
            }
        }
        guard seen.count == 3 else { throw wrong("a tensor '\(name)' without dtype, shape or data_offsets") }
        return entry
    }

    /// Reads an object; `body` reads the value of each name.
    private mutating func members(
        _ body: (inout SafetensorsHeader, String) throws(FormatError) -> Void
    ) throws(FormatError) {
        try expect("{")
        guard !found("}") else { return }
        repeat {
            space()
            let name = try string()
            try expect(":")
            space()
            try body(&self, name)
        } while found(",")
        try expect("}")
    }

    private mutating func numbers() throws(FormatError) -> [Int] {
        var numbers: [Int] = []
        try expect("[")
        guard !found("]") else { return [] }
        repeat {
            space()
            var (digits, number) = (0, 0)
            while let byte = peek, (0x30...0x39).contains(byte) {
                let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
                let (next, carries) = tens.addingReportingOverflow(Int(byte - 0x30))
                guard !overflow, !carries else { throw wrong("a number of more than 63 bits") }
                (digits, number) = (digits + 1, next)
                offset += 1
            }
            guard digits > 0 else { throw wrong("no number") }
            numbers.append(number)
        } while found(",")
        try expect("]")
        return numbers
    }

    private mutating func string() throws(FormatError) -> String {
        guard peek == UInt8(ascii: "\"") else { throw wrong("no string") }
        offset += 1
        var text: [UInt8] = []
        while let byte = peek {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw wrong("text that is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): text += try escaped()
            case 0..<0x20: throw wrong("a control character")
            default: text.append(byte)
            }
        }
        throw wrong("the end inside a string")
    }

    /// Reads an escape after its backslash.
    private mutating func escaped() throws(FormatError) -> [UInt8] {
        guard let byte = peek else { throw wrong("the end inside a string") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            var units = [try unit()]
            if UTF16.isLeadSurrogate(units[0]), peek == UInt8(ascii: "\\") {
                offset += 1
                guard peek == UInt8(ascii: "u") else { throw wrong("half a character") }
                offset += 1
                units.append(try unit())
            }
            guard let text = String(validating: units, as: UTF16.self) else { throw wrong("half a character") }
            return Array(text.utf8)
        default: throw wrong("an unknown escape")
        }
    }

    /// Reads a UTF-16 unit of four hexadecimal digits.
    private mutating func unit() throws(FormatError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = peek?.hexadecimalDigit else { throw wrong("no hexadecimal digit") }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func space() { while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { offset += 1 } }

    private mutating func found(_ sign: Unicode.Scalar) -> Bool {
        space()
        guard peek == UInt8(ascii: sign) else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ sign: Unicode.Scalar) throws(FormatError) {
        guard found(sign) else { throw wrong("no '\(sign)'") }
    }

    private func wrong(_ what: String) -> FormatError {
        .data("safetensors, byte \(bytes.range.lowerBound + offset): \(what): the header is damaged")
    }
}
