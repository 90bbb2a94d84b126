/// The result of a parser that did not throw: the bytes so far are a prefix of a value, or a complete one.
package enum Progress<Value> {
    case incomplete
    case complete(Value, consumed: Int)
}

extension Progress: Sendable where Value: Sendable {}
