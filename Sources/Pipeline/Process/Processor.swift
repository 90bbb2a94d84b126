import ByteText
import Compute
import Foundation
package import JobContract

/// The processor features that the program needs, and its thread count.
package enum Processor {
    /// The needed features, with their flags in `/proc/cpuinfo`.
    private static let needed = [(flag: "avx2", name: "AVX2"), (flag: "fma", name: "FMA")]
    private static let description = "/proc/cpuinfo"
    private static let lengthOfStart = 16_384

    /// Checks that the processor can run our loops, which would end in SIGILL otherwise.
    ///
    /// - Throws: ``Problem`` that names the missing features.
    package static func check() throws(Problem) {
        // The entry of one core is enough.
        guard let file = FileHandle(forReadingAtPath: description) else { return }
        defer { try? file.close() }
        let start = (try? file.read(upToCount: lengthOfStart)) ?? Data()
        let missing = missing(in: String(decoding: start, as: UTF8.self))
        guard missing.isEmpty else {
            throw Problem(
                .internalError,
                "this program needs a processor with AVX2 and FMA: this one lacks "
                    + missing.joined(separator: " and "))
        }
    }

    /// - Parameter text: contents of `/proc/cpuinfo`. Without a line of flags nothing counts as missing.
    /// - Returns: the names of the missing features.
    static func missing(in text: String) -> [String] {
        let line = text.splitBytes(at: UInt8(ascii: "\n")).first { $0.startsWithBytes(of: "flags") }
        guard let values = line?.splitBytes(at: UInt8(ascii: ":")).last else { return [] }
        let flags = values.splitBytes(at: UInt8(ascii: " "))
        return needed.filter { !flags.contains($0.flag) }.map(\.name)
    }

    /// Sets the number of threads, which must happen before any work. Nil keeps the system's default.
    package static func useThreads(_ count: Int?) { if let count { setThreads(count) } }
}
