import JobContract

/// A page of a list, in OpenAI's format.
struct ListView {
    let elements: [JSONValue]
    let hasMore: Bool

    var document: JSONValue {
        [
            "object": "list", "data": .array(elements), "has_more": .bool(hasMore),
            "first_id": elements.first?["id"] ?? nil, "last_id": elements.last?["id"] ?? nil,
        ]
    }
}
