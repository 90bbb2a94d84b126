import ByteText
import JobContract

/// The names that clients give their files: kept, because external data are found by them, and never used as a path by us.
enum FileName {
    static let maximumBytes = 255

    /// The last component of a name, if it can be the name of a file.
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
