package import FoundationEssentials

extension JSONValue {
    /// What the queue kept; `null` if it is no JSON.
    package init(stored data: Data?) {
        self = data.flatMap { try? JSONParser.parse(Array($0)) } ?? .null
    }

    package var data: Data { Data(text().utf8) }
}
