/// Makes ids: a prefix, the time in milliseconds (48 bits) and 80 random bits, as a ULID writes them.
///
/// - SeeAlso: github.com/ulid/spec
package enum Identifier {
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// An id such as `job_01JD0000000ABCDEFGHJKMNPQR`: later seconds sort after earlier ones.
    package static func make(
        _ prefix: String, at now: UnixSeconds, using generator: inout some RandomNumberGenerator
    ) -> String {
        let milliseconds = UInt64(clamping: now).multipliedReportingOverflow(by: 1000).partialValue
        var text = ""
        for place in (0..<10).reversed() {
            text.unicodeScalars.append(digit(milliseconds >> UInt64(5 * place)))
        }
        for _ in 0..<16 { text.unicodeScalars.append(digit(generator.next())) }
        return "\(prefix)_\(text)"
    }

    /// An id from the system's random numbers.
    package static func make(_ prefix: String, at now: UnixSeconds) -> String {
        var generator = SystemRandomNumberGenerator()
        return make(prefix, at: now, using: &generator)
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
