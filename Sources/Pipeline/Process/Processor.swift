import ByteText
import Compute
import Foundation
package import JobContract

/// What the program asks of the machine it runs on.
package enum Processor {
    /// As the kernel lists them.
    private static let needed = [(flag: "avx2", name: "AVX2"), (flag: "fma", name: "FMA")]
    private static let description = "/proc/cpuinfo"
    private static let lengthOfStart = 16_384

    /// Says, before anything else runs, when the processor cannot run our loops: they would end in SIGILL.
    ///
    /// - Throws: ``Problem`` that names what the processor lacks.
    package static func check() throws(Problem) {
        // One core's entry is enough, and the file has one for each.
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

    /// - Parameter text: as `/proc/cpuinfo` has it; one without flags says nothing.
    /// - Returns: the names of what is needed and not there.
    static func missing(in text: String) -> [String] {
        let line = text.splitBytes(at: UInt8(ascii: "\n")).first { $0.startsWithBytes(of: "flags") }
        guard let values = line?.splitBytes(at: UInt8(ascii: ":")).last else { return [] }
        let flags = values.splitBytes(at: UInt8(ascii: " "))
        return needed.filter { !flags.contains($0.flag) }.map(\.name)
    }

    /// Settles the number of threads before any work: nil is what the system has.
    package static func useThreads(_ count: Int?) {
        if let count { setThreads(count) }
    }
}
