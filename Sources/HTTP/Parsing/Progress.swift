/// What a parser answers, besides throwing: the bytes so far are the beginning of something, or all of it.
package enum Progress<Value> {
    case incomplete
    case complete(Value, consumed: Int)
}

extension Progress: Sendable where Value: Sendable {}
