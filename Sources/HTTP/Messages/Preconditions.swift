import ByteText
package import HTTPTypes

/// Conditions on the tag of what is answered (RFC 9110 §13). Dates are not compared, since answers carry none.
package enum Preconditions: Hashable, Sendable {
    case met
    /// 304 to GET and HEAD, 412 to others.
    case unchanged
    /// 412
    case failed

    /// - Parameters:
    ///   - headers: of the request
    ///   - entityTag: of the representation, in its quotation marks; nil when it has none
    package init(_ headers: HTTPFields, entityTag: String?) {
        self = .met
        let (wanted, known) = (headers[values: .ifMatch], headers[values: .ifNoneMatch])
        if !wanted.isEmpty {
            let tags = wanted.flatMap(EntityTag.list)
            let isStrong = entityTag.map { !$0.startsWithBytes(of: "W/") } ?? false
            let matches = wanted == ["*"] || isStrong && tags.contains { $0.hasBytes(of: entityTag ?? "") }
            guard matches else {
                self = .failed
                return
            }
        }
        if !known.isEmpty {
            let tags = known.flatMap(EntityTag.list).map(EntityTag.opaque)
            let isKnown = entityTag.map(EntityTag.opaque).map { tag in tags.contains { $0.hasBytes(of: tag) } } ?? false
            if known == ["*"] || isKnown { self = .unchanged }
        }
    }

    /// Whether a range may be answered: `If-Range` is absent, or names exactly this representation (§13.1.5).
    package static func allowsRange(_ headers: HTTPFields, entityTag: String?) -> Bool {
        guard let condition = headers[.ifRange] else { return true }
        guard let entityTag, !entityTag.startsWithBytes(of: "W/") else { return false }
        return condition.hasBytes(of: entityTag)
    }
}

/// Tags as they stand in a list (RFC 9110 §8.8.3).
enum EntityTag {
    /// Those that are well-formed; a tag without quotation marks matches nothing.
    static func list(_ value: String) -> [String] {
        var tags: [String] = []
        var rest = Array(value.utf8)[...]
        while let start = rest.firstIndex(of: UInt8(ascii: "\"")) {
            let inside = rest[(start + 1)...]
            guard let end = inside.firstIndex(of: UInt8(ascii: "\"")) else { break }
            let isWeak = rest[..<start].suffix(2).elementsEqual("W/".utf8)
            tags.append((isWeak ? "W/" : "") + String(decoding: rest[start...end], as: UTF8.self))
            rest = rest[(end + 1)...]
        }
        return tags
    }

    /// The tag without its weakness.
    static func opaque(_ tag: String) -> String { tag.startsWithBytes(of: "W/") ? tag.dropBytes(2) : tag }
}
