import ByteText

/// The reason why a text is not valid JSON for this program.
package enum JSONError: Error, Equatable, CustomStringConvertible {
    case unexpected(byte: Int, expected: String)
    case tooDeep(byte: Int)
    case duplicateName(String, byte: Int)
    case numberOutOfRange(byte: Int)
    case invalidText(byte: Int)

    package var description: String {
        switch self {
        case .unexpected(let byte, let expected): "JSON, byte \(byte): expected \(expected)"
        case .tooDeep(let byte): "JSON, byte \(byte): nested deeper than \(JSONParser.maximumDepth) levels"
        case .duplicateName(let name, let byte): "JSON, byte \(byte): the name '\(name)' occurs twice in one object"
        case .numberOutOfRange(let byte): "JSON, byte \(byte): the number is too large"
        case .invalidText(let byte): "JSON, byte \(byte): the string is not valid Unicode"
        }
    }
}

/// Reads JSON from outside: bounded in depth, with every name once, every number finite and every string Unicode.
///
/// - SeeAlso: RFC 8259
package struct JSONParser {
    package static let maximumDepth = 64
    private static let numberBytes = 64

    private let bytes: [UInt8]
    private var place = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Parses bytes that hold one value.
    ///
    /// - Throws: ``JSONError`` with the position of the first unexpected byte.
    package static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.place == bytes.count else { throw .unexpected(byte: parser.place, expected: "the end") }
        return value
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next.map({ UInt32($0) == scalar.value }) ?? false else { return false }
        place += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= Self.maximumDepth else { throw .tooDeep(byte: place) }
        skipSpace()
        switch next.map({ Unicode.Scalar($0) }) {
        case "{": return .object(try object(depth: depth))
        case "[": return .array(try array(depth: depth))
        case "\"": return .string(try string())
        case "t": return try word("true", .bool(true))
        case "f": return try word("false", .bool(false))
        case "n": return try word("null", .null)
        case "-", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9": return try number()
        default: throw .unexpected(byte: place, expected: "a value")
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[place...].starts(with: word.utf8) else { throw .unexpected(byte: place, expected: word) }
        place += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue.Object {
        place += 1
        var object = JSONValue.Object()
        skipSpace()
        if take("}") { return object }
        repeat {
            skipSpace()
            let start = place
            guard next == UInt8(ascii: "\"") else { throw .unexpected(byte: place, expected: "a name in quotes") }
            let name = try string()
            guard object[name] == nil else { throw .duplicateName(name, byte: start) }
            skipSpace()
            guard take(":") else { throw .unexpected(byte: place, expected: "':'") }
            object[name] = try value(depth: depth + 1)
            skipSpace()
        } while take(",")
        guard take("}") else { throw .unexpected(byte: place, expected: "',' or '}'") }
        return object
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        place += 1
        var values: [JSONValue] = []
        skipSpace()
        if take("]") { return values }
        repeat {
            values.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw .unexpected(byte: place, expected: "',' or ']'") }
        return values
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = place
        _ = take("-")
        if !take("0") { try digits() }
        var isWhole = true
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        guard place - start <= Self.numberBytes else { throw .numberOutOfRange(byte: start) }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if isWhole, let value = Int(text) { return .int(value) }
        guard let value = Double(text), value.isFinite else { throw .numberOutOfRange(byte: start) }
        return .double(value)
    }

    private mutating func digits() throws(JSONError) {
        let start = place
        while let byte = next, byte >= 0x30, byte <= 0x39 { place += 1 }
        guard place > start else { throw .unexpected(byte: place, expected: "a digit") }
    }

    private mutating func string() throws(JSONError) -> String {
        let start = place
        place += 1
        var utf8: [UInt8] = []
        while true {
            guard let byte = next else { throw .unexpected(byte: place, expected: "the end of the string") }
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: utf8, as: UTF8.self) else { throw .invalidText(byte: start) }
                return text
            case UInt8(ascii: "\\"): try escape(into: &utf8)
            case 0..<0x20: throw .unexpected(byte: place - 1, expected: "no control character in a string")
            default: utf8.append(byte)
            }
        }
    }

    private mutating func escape(into utf8: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw .unexpected(byte: place, expected: "the end of the escape") }
        place += 1
        switch Unicode.Scalar(byte) {
        case "\"", "\\", "/": utf8.append(byte)
        case "b": utf8.append(0x08)
        case "f": utf8.append(0x0C)
        case "n": utf8.append(0x0A)
        case "r": utf8.append(0x0D)
        case "t": utf8.append(0x09)
        case "u":
            let start = place
            var code = try fourHexDigits()
            if (0xD800..<0xDC00).contains(code) {
                // RFC 8259 §7: a character beyond U+FFFF is written as a surrogate pair; a single surrogate is invalid.
                guard take("\\"), take("u") else { throw .invalidText(byte: start) }
                let low = try fourHexDigits()
                guard (0xDC00..<0xE000).contains(low) else { throw .invalidText(byte: start) }
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw .invalidText(byte: start) }
            utf8.append(contentsOf: scalar.utf8)
        default: throw .unexpected(byte: place - 1, expected: "an escape of RFC 8259")
        }
    }

    private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = next?.hexadecimalDigit else {
                throw .unexpected(byte: place, expected: "a hexadecimal digit")
            }
            code = code << 4 | UInt32(digit)
            place += 1
        }
        return code
    }
}
