import Foundation

/// A JSON document as a value: members keep their order, integers stay integers, and non-finite numbers are `null`.
///
/// Requests are parsed into it by ``JSONParser``, and every response is written from it, so that the same object always
/// has the same bytes.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(Object)

    /// The members of an object, in written order.
    package struct Object: Hashable, Sendable {
        package private(set) var members: [(name: String, value: JSONValue)] = []
        private var places: [String: Int] = [:]

        package init() {}

        package var names: [String] { members.map(\.name) }
        package var isEmpty: Bool { members.isEmpty }

        package subscript(name: String) -> JSONValue? {
            get { places[name].map { members[$0].value } }
            set { set(name, to: newValue) }
        }

        private mutating func set(_ name: String, to value: JSONValue?) {
            switch (places[name], value) {
            case (let place?, let value?): members[place].value = value
            case (nil, let value?):
                places[name] = members.count
                members.append((name, value))
            case (let place?, nil):
                members.remove(at: place)
                places = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1.name, $0) })
            case (nil, nil): break
            }
        }

        package static func == (left: Self, right: Self) -> Bool {
            left.members.elementsEqual(right.members) { $0.name == $1.name && $0.value == $1.value }
        }

        package func hash(into hasher: inout Hasher) {
            for member in members {
                hasher.combine(member.name)
                hasher.combine(member.value)
            }
        }
    }
}

extension JSONValue {
    /// The same document with the members of every object sorted by the bytes of their names.
    package var sorted: JSONValue {
        switch self {
        case .null, .bool, .int, .double, .string: self
        case .array(let values): .array(values.map(\.sorted))
        case .object(let object):
            .object(
                Object(
                    object.members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
                        .map { ($0.name, $0.value.sorted) }))
        }
    }

    package var isNull: Bool { self == .null }

    package var string: String? { if case .string(let value) = self { value } else { nil } }

    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    package var int: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    package var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    package var object: Object? { if case .object(let value) = self { value } else { nil } }

    package subscript(name: String) -> JSONValue? { object?[name] }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(Object(elements)) }

    package init(_ value: String?) { self = value.map(JSONValue.string) ?? .null }
    package init(_ value: Int?) { self = value.map(JSONValue.int) ?? .null }
    package init(_ value: Double?) { self = value.map(JSONValue.double) ?? .null }
}

extension JSONValue.Object {
    package init(_ members: [(String, JSONValue)]) { for (name, value) in members { self[name] = value } }
}
