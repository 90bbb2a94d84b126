import Foundation

/// Numbers formatted for people.
package enum NumberFormat {
    /// A number with `digits` digits after the point, in the POSIX locale.
    package static func fixed(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return "-" }
        return value.formatted(
            .number.precision(.fractionLength(digits)).grouping(.never).locale(Locale(identifier: "en_US_POSIX")))
    }

    /// Bytes in thousands or millions, as counted by file managers and disks.
    package static func megabytes(_ bytes: Int) -> String {
        let megabytes = Double(bytes) / 1e6
        if bytes < 1_000_000 { return fixed(Double(bytes) / 1e3, digits: bytes < 100_000 ? 1 : 0) + " kB" }
        return fixed(megabytes, digits: megabytes < 10 ? 2 : megabytes < 100 ? 1 : 0) + " MB"
    }

    /// A number with commas between thousands.
    package static func grouped(_ count: Int) -> String {
        var groups: [String] = []
        var rest = count.magnitude
        while rest >= 1000 {
            groups.insert(String(String(rest % 1000 + 1000).dropFirst()), at: 0)
            rest /= 1000
        }
        groups.insert(String(rest), at: 0)
        return (count < 0 ? "-" : "") + groups.joined(separator: ",")
    }

    /// A ratio such as `6.7x`.
    package static func times(_ ratio: Double) -> String { fixed(ratio, digits: ratio < 100 ? 1 : 0) + "x" }
}
