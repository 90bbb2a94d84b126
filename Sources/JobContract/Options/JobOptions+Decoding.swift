import ByteText
package import Options

/// Between the options and their texts: JSON objects, the fields of forms and the flags of the command line.
extension JobOptions {
    /// Checks what was given and fills in the rest.
    ///
    /// - Parameters:
    ///   - given: the values by the names of the options
    ///   - kind: the work, which knows its own options alone
    /// - Throws: ``OptionError`` with the nearest known name, or with what the value has to be.
    package init(decoding given: JSONValue.Object, for kind: JobKind = .compression) throws(OptionError) {
        self.init()
        let options = kind.options
        let names = options.map(\.name)
        for name in given.names where !names.contains(where: { $0.hasBytes(of: name) }) {
            throw .unknown(name, nearest: Spelling.nearest(to: name, among: names))
        }
        for option in options {
            let value = given[option.name] ?? .null
            if !value.isNull { option.write(&self, try option.decode(value)) }
        }
        if epochs != nil, steps != nil { throw .conflict("epochs", with: "steps") }
        guard webhook == nil else {
            throw .invalid("webhook", found: "given", expected: "nothing: this version calls no webhooks")
        }
    }

    /// Every option of a compression with its value or its default; `null` is none or automatic.
    package var all: JSONValue.Object { all(of: .compression) }

    /// Every option of a kind of job with its value or its default, in the order of ``JobOption/all``.
    package func all(of kind: JobKind) -> JSONValue.Object {
        JSONValue.Object(kind.options.map { ($0.name, $0.read(self)) })
    }
}

extension JobOption {
    /// The value in the option's own type; texts, as forms and flags have them, are converted.
    package func decode(_ value: JSONValue) throws(OptionError) -> JSONValue {
        // As its own object, `{"type": "ridge"}` leaves room for what belongs to one method alone.
        if name == "method", let type = value.object?["type"] { return try decode(type) }
        guard let result = converted(value) else {
            throw .invalid(name, found: value.string.map { "'\($0)'" } ?? value.text(), expected: expectation)
        }
        return result
    }

    private func converted(_ value: JSONValue) -> JSONValue? {
        let isAuto = value.string == "auto"
        switch kind {
        case .word(let words):
            guard let word = value.string, words.contains(word) else { return nil }
            return isAuto && defaultValue.isNull ? .null : value
        case .text: return value.string.flatMap { $0.isEmpty ? nil : .string($0) }
        case .flag:
            switch value.string {
            case "true", "1", "yes": return true
            case "false", "0", "no": return false
            default: return value.bool.map(JSONValue.bool)
            }
        case .count(let minimum): return Self.wholeNumber(value, from: minimum)
        case .byteCount: return Self.byteCount(value)
        case .autoCount(let minimum): return isAuto ? .null : Self.wholeNumber(value, from: minimum)
        case .number(let range, let allowsAuto):
            if isAuto, allowsAuto { return .null }
            guard let number = value.string.flatMap(Double.init) ?? value.double, range.contains(number) else {
                return nil
            }
            return .double(number)
        case .texts:
            if let text = value.string {
                return .array(text.splitBytes(at: UInt8(ascii: ",")).map(JSONValue.string))
            }
            guard let texts = value.array, texts.allSatisfy({ $0.string != nil }) else { return nil }
            return value
        case .words(let words):
            if isAuto { return .array([]) }
            let given = value.string?.splitBytes(at: UInt8(ascii: ",")).map(JSONValue.string) ?? value.array
            guard let given, given.allSatisfy({ $0.string.map(words.contains) ?? false }) else { return nil }
            return .array(given)
        case .map: return Self.namedTexts(value)
        case .labels: return Self.namedTexts(value).flatMap(Self.shortLabels)
        }
    }

    private static func wholeNumber(_ value: JSONValue, from minimum: Int) -> JSONValue? {
        let count = value.string.flatMap { text in
            text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
        }
        guard let count = count ?? value.int, count >= minimum else { return nil }
        return .int(count)
    }

    /// The units of bytes, of which the longer ones are looked for first.
    private static let byteUnits: [(name: String, bytes: Double)] = [
        ("KiB", 1024), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("kB", 1e3), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9),
        ("B", 1), ("", 1),
    ]

    private static func byteCount(_ value: JSONValue) -> JSONValue? {
        guard let text = value.string else { return value.int.flatMap { $0 > 0 ? .int($0) : nil } }
        guard let unit = byteUnits.first(where: { text.endsWithBytes(of: $0.name) }) else { return nil }
        let digits = String(decoding: text.utf8.dropLast(unit.name.utf8.count), as: UTF8.self).filter { $0 != " " }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let number = Double(digits),
            number * unit.bytes >= 1, number * unit.bytes < 1e18
        else { return nil }
        return .int(Int(number * unit.bytes))
    }

    private static func shortLabels(_ value: JSONValue) -> JSONValue? {
        let members = value.object?.members ?? []
        let limits = labelLimits
        let areShort = members.allSatisfy { name, value in
            name.unicodeScalars.count <= limits.name && value.string?.unicodeScalars.count ?? 0 <= limits.value
        }
        guard members.count <= limits.count, areShort else { return nil }
        return value
    }

    /// An object of texts, or a text that is one in JSON or says `name=key,name=key`.
    private static func namedTexts(_ value: JSONValue) -> JSONValue? {
        if let text = value.string {
            if text.utf8.first == UInt8(ascii: "{") {
                return (try? JSONParser.parse(Array(text.utf8))).flatMap(namedTexts)
            }
            var object = JSONValue.Object()
            for pair in text.splitBytes(at: UInt8(ascii: ",")) {
                let parts = pair.splitBytes(at: UInt8(ascii: "="), maxSplits: 1)
                guard parts.count == 2 else { return nil }
                object[parts[0]] = .string(parts[1])
            }
            return .object(object)
        }
        if let texts = value.array {
            var object = JSONValue.Object()
            for text in texts {
                guard text.string != nil, let named = namedTexts(text)?.object else { return nil }
                for (name, value) in named.members { object[name] = value }
            }
            return .object(object)
        }
        guard let object = value.object, object.members.allSatisfy({ $0.value.string != nil }) else { return nil }
        return value
    }
}
