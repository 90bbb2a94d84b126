import Synchronization

/// Makes ids: a prefix, the time in milliseconds (48 bits) and 80 random bits, as a ULID writes them.
///
/// - SeeAlso: github.com/ulid/spec
package enum Identifier {
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// How many ids were made in each of the last seconds: more than one, because threads read the clock before they come here.
    private static let recent = Mutex<[(second: UnixSeconds, count: UInt64)]>([])
    private static let recentSeconds = 8

    /// An id such as `job_01JD0000000ABCDEFGHJKMNPQR`: later seconds sort after earlier ones.
    ///
    /// - Parameters:
    ///   - prefix: what it is an id of
    ///   - now: the time
    ///   - place: sorts ids of the same second; the last of the 1000 places is for all that follow
    ///   - generator: gives the rest
    /// - Returns: the prefix, an underscore and 26 characters
    package static func make(
        _ prefix: String, at now: UnixSeconds, place: UInt64 = 0, using generator: inout some RandomNumberGenerator
    ) -> String {
        let start = UInt64(clamping: now).multipliedReportingOverflow(by: 1000).partialValue
        let milliseconds = start.addingReportingOverflow(min(place, 999)).partialValue
        var text = ""
        for place in (0..<10).reversed() {
            text.unicodeScalars.append(digit(milliseconds >> UInt64(5 * place)))
        }
        for _ in 0..<16 { text.unicodeScalars.append(digit(generator.next())) }
        return "\(prefix)_\(text)"
    }

    /// An id from the system's random numbers. Those that one process makes sort as they were made.
    package static func make(_ prefix: String, at now: UnixSeconds) -> String {
        var generator = SystemRandomNumberGenerator()
        return make(prefix, at: now, place: place(at: now), using: &generator)
    }

    private static func place(at now: UnixSeconds) -> UInt64 {
        recent.withLock { recent in
            if let known = recent.firstIndex(where: { $0.second == now }) {
                recent[known].count += 1
                return recent[known].count
            }
            if recent.count == recentSeconds { recent.removeFirst() }
            recent.append((now, 0))
            return 0
        }
    }

    /// 125 random bits that nobody guesses: names one lease.
    package static func token() -> String {
        var generator = SystemRandomNumberGenerator()
        var text = ""
        for _ in 0..<25 { text.unicodeScalars.append(digit(generator.next())) }
        return text
    }

    private static func digit(_ bits: UInt64) -> Unicode.Scalar { Unicode.Scalar(digits[Int(bits & 31)]) }
}
