/// The reason why a body is not a valid form.
package enum MultipartError: Error, Hashable, Sendable, CustomStringConvertible {
    case boundary
    case preamble(limitBytes: Int)
    case delimiter
    case header
    case headersTooLarge(limitBytes: Int)
    case name
    case nameTooLong(limitBytes: Int)
    case encoding
    case tooManyParts(limit: Int)
    case truncated

    package var description: String {
        switch self {
        case .boundary: "The Content-Type needs a boundary of 1 to 70 characters."
        case .preamble(let limit): "The first boundary does not come within \(limit) bytes."
        case .delimiter: "A boundary is followed by something other than the end of its line."
        case .header: "The headers of a part are malformed."
        case .headersTooLarge(let limit): "The headers of a part may have at most \(limit) bytes."
        case .name: "A part needs a Content-Disposition of 'form-data' with a name in UTF-8."
        case .nameTooLong(let limit): "The name of a part or a file may have at most \(limit) bytes."
        case .encoding: "Parts are sent as they are, without a Content-Transfer-Encoding."
        case .tooManyParts(let limit): "A form may have at most \(limit) parts."
        case .truncated: "The form ended before its last boundary."
        }
    }
}
