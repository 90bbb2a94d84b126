package import FoundationEssentials

extension JSONValue {
    /// Parses JSON stored by the queue; `null` if it is invalid.
    package init(stored data: Data?) { self = data.flatMap { try? JSONParser.parse(Array($0)) } ?? .null }

    package var data: Data { Data(text().utf8) }
}
