/// The type of a tensor's elements. The raw values are stable names for reports and caches.
package enum ElementType: String, Hashable, Sendable, CaseIterable {
    case float32, int64, int32, bool

    /// The size of one element in bytes; a bool takes one byte.
    package var byteCount: Int {
        switch self {
        case .float32, .int32: 4
        case .int64: 8
        case .bool: 1
        }
    }
}
