import ByteText
package import HTTPTypes

/// The outcome of a request's conditions on the entity tag (RFC 9110 §13). Dates are not compared, since responses
/// have no Last-Modified.
package enum Preconditions: Hashable, Sendable {
    case met
    /// The client has this representation: 304 to GET and HEAD, 412 to other methods.
    case unchanged
    /// The representation is not the one that the client requires: 412.
    case failed

    /// - Parameters:
    ///   - headers: the headers of the request
    ///   - entityTag: the representation's tag in quotation marks; nil when it has none
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

    /// Returns whether a range may be sent: `If-Range` is absent or names exactly this representation (§13.1.5).
    package static func allowsRange(_ headers: HTTPFields, entityTag: String?) -> Bool {
        guard let condition = headers[.ifRange] else { return true }
        guard let entityTag, !entityTag.startsWithBytes(of: "W/") else { return false }
        return condition.hasBytes(of: entityTag)
    }
}

/// Parsing of entity tags (RFC 9110 §8.8.3).
enum EntityTag {
    /// The well-formed tags of a list; a tag without quotation marks is left out and so matches nothing.
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

    /// The tag without the prefix `W/`.
    static func opaque(_ tag: String) -> String { tag.startsWithBytes(of: "W/") ? tag.dropBytes(2) : tag }
}
