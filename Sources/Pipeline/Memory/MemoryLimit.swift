import ByteText
import Foundation
import JobContract

/// The limit on the memory of a job.
struct MemoryLimit {
    let bytes: Int

    /// The given limit; for nil, 15/16 of the memory that the machine or the container has left.
    init?(_ bytes: Int?) {
        // An estimate may be a few percent too low, and the kernel ends a process that takes the last of the memory.
        guard let limit = bytes ?? Self.available.map({ $0 / 16 * 15 }) else { return nil }
        self.bytes = limit
    }

    private static var available: Int? {
        let line = lines("/proc/meminfo").first { $0.startsWithBytes(of: "MemAvailable:") }
        let words = line?.splitBytes(at: UInt8(ascii: " ")) ?? []
        let machine = words.count > 1 ? Int(words[1]).flatMap { $0 > 1 << 50 ? nil : $0 * 1024 } : nil
        return [machine, container].compactMap(\.self).min()
    }

    /// Memory left below the container's limit. File pages do not count as used, because the kernel reclaims them on
    /// demand.
    private static var container: Int? {
        guard let limit = lines("/sys/fs/cgroup/memory.max").first.flatMap({ Int($0) }) else { return nil }
        let anonymous = lines("/sys/fs/cgroup/memory.stat").first { $0.startsWithBytes(of: "anon ") }
        return limit - (anonymous?.splitBytes(at: UInt8(ascii: " ")).last.flatMap { Int($0) } ?? 0)
    }

    /// The lines of a kernel file; empty when the file does not exist.
    private static func lines(_ path: String) -> [String] {
        ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").splitBytes(at: UInt8(ascii: "\n"))
    }

    /// A change that reduces the memory needed.
    struct Remedy {
        /// The quantity that is reduced.
        let kind: String
        let words: String
        let estimate: () throws -> MemoryEstimate
    }

    /// - Parameters:
    ///   - estimate: estimate of the requested work.
    ///   - batch: samples per run; nil when fixed.
    ///   - atBatch: estimates the same work at a smaller batch size.
    ///   - others: other remedies, in the order of proposal.
    /// - Throws: ``Problem`` that names the changes that would fit, when the work does not.
    func require(
        _ estimate: MemoryEstimate, batch: Int?, atBatch: (Int) throws -> MemoryEstimate, others: [Remedy] = []
    ) throws {
        guard estimate.heapBytes > bytes else { return }
        func fits(_ estimate: () throws -> MemoryEstimate) -> Bool { ((try? estimate())?.heapBytes ?? .max) <= bytes }
        var remedies: [String] = []
        if let batch, batch > 1, fits({ try atBatch(1) }) {
            var (fitting, tooLarge) = (1, batch)
            while tooLarge - fitting > 1 {
                let middle = (fitting + tooLarge) / 2
                if fits({ try atBatch(middle) }) { fitting = middle } else { tooLarge = middle }
            }
            remedies.append("batch_size=\(fitting)")
        }
        // Remedies of one kind come largest first, so the first that fits is the best.
        var named: Set<String> = []
        for remedy in others where !named.contains(remedy.kind) && fits(remedy.estimate) {
            remedies.append(remedy.words)
            named.insert(remedy.kind)
        }
        throw Problem(
            .memoryLimit,
            "the job needs about \(NumberFormat.grouped(estimate.heapBytes)) bytes of memory and may have "
                + NumberFormat.grouped(bytes),
            hint: remedies.isEmpty
                ? "no smaller batch would fit: allow the job more memory, or use fewer samples"
                : remedies.joined(separator: ", or ") + " would fit")
    }
}
