import Collapse
import Formats
import Foundation
import JobContract
import SystemCalls

/// A folder that holds each point of a front as a ``FileDifference`` to the original, and beside them one file with the
/// bytes that the original does not have. Points that have a tensor in common share its bytes.
struct PointFolder {
    let path: String
    /// The bytes that the folder may take; nil for no limit but the disk.
    let limitBytes: Int?
    /// The room that is left on the disk for reports, the queue and other jobs.
    var spareBytes = 16 << 20

    /// The bytes that may still be written.
    var room: Int? { limitBytes.map { max(0, $0 - JobFolder.byteCount(of: path)) } }

    /// The whole file of a stored point.
    struct Point {
        let byteCount: Int
        let digest: String
    }

    /// Writes the points. A point that cannot be written is left out with a warning, because the job has its result
    /// without it.
    ///
    /// - Parameters:
    ///   - points: the points, smallest damage first.
    ///   - model: the original.
    ///   - progress: receives the warning.
    ///   - hasTime: tells whether there is time for so long a work.
    /// - Returns: for each point its whole file; nil when it is not stored.
    func write(
        _ points: [ParetoPoint], of model: SourceModel, progress: CompressionProgress, hasTime: (Duration) -> Bool
    ) -> [Point?] {
        // An earlier process may have left some.
        try? FileManager.default.removeItem(atPath: path)
        guard !points.isEmpty else { return [] }
        var (longest, refusal) = (Duration.zero, String?.none)
        var stored: [Point?] = []
        do throws(SystemError) {
            try DurableFile.makeFolder(path)
            var new = NewBytes(file: try DurableFile(creating: "\(path)/\(JobFolder.newBytesName)"))
            for point in points {
                let start = ContinuousClock.now
                do {
                    guard hasTime(longest * 2) else { throw Refusal.time }
                    let edit = try model.document.edit(toMatch: point.graph)
                    let difference = try model.document.difference(edit)
                    stored.append(try write(difference, as: JobFolder.pointID(stored.count), &new))
                } catch let error as SystemError { throw error } catch {
                    refusal = refusal ?? "\(error)"
                    stored.append(nil)
                }
                longest = max(longest, ContinuousClock.now - start)
            }
            try new.file.finish()
            try DurableFile.synchroniseFolder(path)
        } catch {
            // Half of the new bytes may be missing. What was written is given up, which makes room for the reports.
            refusal = "\(error)"
            stored = points.map { _ in nil }
            try? FileManager.default.removeItem(atPath: path)
        }
        if let refusal {
            let missing = stored.count { $0 == nil }
            progress.warn(
                "\(missing) of \(stored.count) points cannot be downloaded: \(refusal)", code: "point_not_kept")
        }
        return stored
    }

    /// Writes a point, and computes the digest of its whole file in the same pass.
    private func write(_ model: ONNXDifference, as name: String, _ new: inout NewBytes) throws -> Point {
        let most = model.newByteCount + FileDifference.Limits.bytes
        guard new.byteCount <= (limitBytes ?? .max) - most else { throw Refusal.limit }
        guard most <= (try DurableFile.freeBytes(at: path)) - spareBytes else { throw Refusal.disk }
        var difference = FileDifference()
        let hash = SHA256()
        try model.forEach { piece, bytes throws(SystemError) in
            hash.update(bytes)
            switch piece {
            case .kept(let range, let file, let byteCount):
                difference.append(range, of: .init(.model, file, byteCount: byteCount))
            case .new:
                let range = try new.place(bytes)
                difference.append(
                    range, of: .init(.points, JobFolder.newBytesName, byteCount: range.upperBound))
            }
        }
        try DurableFile.write(try difference.text(), creating: "\(path)/\(name)")
        return Point(byteCount: difference.byteCount, digest: "sha256:" + hash.finish())
    }

    /// The file of new bytes, in which each tensor stands once.
    private struct NewBytes {
        let file: DurableFile
        private(set) var byteCount = 0
        private var places: [String: Range<Int>] = [:]

        init(file: DurableFile) { self.file = file }

        /// Smaller pieces are written again, since a table names each of them.
        private static let sharedBytes = 256

        /// - Returns: the place of the bytes, which are appended unless the file has them.
        mutating func place(_ bytes: RawSpan) throws(SystemError) -> Range<Int> {
            var digest: String?
            if bytes.byteCount >= Self.sharedBytes {
                let hash = SHA256()
                hash.update(bytes)
                let found = hash.finish()
                if let place = places[found] { return place }
                digest = found
            }
            try file.write(bytes)
            let place = byteCount..<byteCount + bytes.byteCount
            byteCount = place.upperBound
            if let digest { places[digest] = place }
            return place
        }
    }

    private enum Refusal: Error, CustomStringConvertible {
        case time, limit, disk

        var description: String {
            switch self {
            case .time: "the deadline is too near"
            case .limit: "the service keeps no more bytes (stored_limit_bytes)"
            case .disk: "there is no room left on the disk"
            }
        }
    }
}
