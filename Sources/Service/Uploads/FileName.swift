import ByteText
import JobContract

/// Client-chosen file names: kept, because external data are found by them, but never used as paths.
enum FileName {
    static let maximumBytes = 255

    /// The last component of a name, if it is a valid file name.
    static func checked(_ name: String, among taken: [String], field: String) throws(Problem) -> String {
        let last = name.splitBytes(at: UInt8(ascii: "/")).last?.splitBytes(at: UInt8(ascii: "\\")).last ?? ""
        let isPlain = last.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        guard isPlain, !last.isEmpty, !last.startsWithBytes(of: "."), last.utf8.count <= maximumBytes else {
            throw Problem(.invalidOption, "'\(field)' has a file name that cannot be used.", parameter: field)
        }
        guard !taken.contains(last) else {
            throw Problem(.invalidOption, "Two files of '\(field)' are called '\(last)'.", parameter: field)
        }
        return last
    }
}
