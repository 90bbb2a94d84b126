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

    /// The vendor and the flags of a processor.
    struct Features {
        let vendor: String
        /// Empty where the system does not tell.
        let flags: [String]

        /// - Parameter text: contents of `/proc/cpuinfo`.
        init(_ text: String) {
            func value(_ name: String) -> String? {
                text.splitBytes(at: UInt8(ascii: "\n")).first { $0.startsWithBytes(of: name) }?
                    .splitBytes(at: UInt8(ascii: ":")).last
            }
            vendor = value("vendor_id")?.splitBytes(at: UInt8(ascii: " ")).last ?? ""
            flags = value("flags")?.splitBytes(at: UInt8(ascii: " ")) ?? []
        }

        static var ofThisMachine: Features {
            // The entry of one core is enough.
            guard let file = FileHandle(forReadingAtPath: Processor.description) else { return Features("") }
            defer { try? file.close() }
            let start = (try? file.read(upToCount: Processor.lengthOfStart)) ?? Data()
            return Features(String(decoding: start, as: UTF8.self))
        }

        /// The names of the needed features that the processor lacks; none where it has no flags.
        var missing: [String] { flags.isEmpty ? [] : Processor.needed.filter { !flags.contains($0.flag) }.map(\.name) }

        /// The core type for OpenBLAS where it chose one with narrower vectors than the processor has, as a release does
        /// for every processor that is newer than itself.
        ///
        /// - Returns: nil where the choice stands.
        func betterCore(than chosen: String) -> String? {
            let (wide, widest) = (Processor.coresOfAVX2, Processor.coresOfAVX512)
            if Processor.avx512.allSatisfy(flags.contains) { return widest.contains(chosen) ? nil : widest[0] }
            guard !flags.isEmpty, missing.isEmpty, !(wide + widest).contains(chosen) else { return nil }
            return ["AuthenticAMD", "HygonGenuine"].contains(vendor) ? "Zen" : "Haswell"
        }
    }

    /// The flags that OpenBLAS' kernels for Skylake-X need.
    private static let avx512 = ["avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"]
    private static let coresOfAVX512 = ["SkylakeX", "Cooperlake", "SapphireRapids"]
    private static let coresOfAVX2 = ["Haswell", "Zen", "Excavator"]

    /// Checks that the processor can run our loops, which would end in SIGILL otherwise.
    ///
    /// - Throws: ``Problem`` that names the missing features.
    package static func check() throws(Problem) {
        let missing = Features.ofThisMachine.missing
        guard missing.isEmpty else {
            throw Problem(
                .internalError,
                "this program needs a processor with AVX2 and FMA: this one lacks "
                    + missing.joined(separator: " and "))
        }
    }

    /// Sets the number of threads, which must happen before any work. Nil keeps the system's default.
    package static func useThreads(_ count: Int?) { if let count { setThreads(count) } }
}
