import Synchronization

/// Makes ids from a prefix, the time in milliseconds (48 bits) and 80 random bits in the encoding of a ULID.
///
/// - SeeAlso: github.com/ulid/spec
package enum Identifier {
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// The number of ids made in each recent second; several, because threads read the clock before the call.
    private static let recent = Mutex<[(second: UnixSeconds, count: UInt64)]>([])
    private static let recentSeconds = 8

    /// Makes an id such as `job_01JD0000000ABCDEFGHJKMNPQR`; ids of later seconds sort after earlier ones.
    ///
    /// - Parameters:
    ///   - prefix: the kind of object, such as `job`
    ///   - now: the current time
    ///   - place: the order within the second; numbers above 999 count as 999
    ///   - generator: the source of the random bits
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

    /// Makes an id with the system's random numbers. The ids of one process sort in the order of their creation.
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

    /// Makes the token of a lease: 125 unguessable random bits.
    package static func token() -> String {
        var generator = SystemRandomNumberGenerator()
        var text = ""
        for _ in 0..<25 { text.unicodeScalars.append(digit(generator.next())) }
        return text
    }

    private static func digit(_ bits: UInt64) -> Unicode.Scalar { Unicode.Scalar(digits[Int(bits & 31)]) }
}
