import ByteText
import Foundation
import JobContract
import Jobs
import SystemCalls

/// The job folders, `jobs/ID` below the data directory.
struct JobFolders: Sendable {
    let dataDirectory: String

    init(dataDirectory: String) throws(SystemError) {
        self.dataDirectory = dataDirectory
        try DurableFile.makeFolder(dataDirectory + "/jobs")
    }

    func folder(of id: String) -> JobFolder { JobFolder("\(dataDirectory)/jobs/\(id)") }

    /// The files published by the job process.
    func outputs(of id: String) throws(SystemError) -> [String] {
        try DurableFile.names(in: folder(of: id).output).filter {
            !$0.startsWithBytes(of: ".") && !$0.hasBytes(of: JobFolder.pointsName)
                && !$0.hasBytes(of: JobFolder.searchName)
        }
    }

    /// The bytes that the points and searches of all jobs take.
    func pointBytes() throws(SystemError) -> Int {
        try DurableFile.names(in: dataDirectory + "/jobs").map { folder(of: $0) }.reduce(0) {
            $0 + JobFolder.byteCount(of: $1.points) + JobFolder.byteCount(of: $1.search)
        }
    }

    /// Prepares the folder of a job process: the files under their own names, and the manifest.
    ///
    /// The job's row is written later, so that an acknowledged job has all of its files.
    ///
    /// - Parameters:
    ///   - manifest: the input of the process.
    ///   - files: the files to place.
    ///   - id: the job.
    ///   - searched: a job whose search the new one goes on from; nil for none.
    /// - Throws: ``SystemError``.
    func prepare(
        _ manifest: JobFolder.Manifest, _ files: JobFiles, id: String, searchedBy searched: String? = nil
    ) throws(SystemError) {
        let folder = folder(of: id)
        do throws(SystemError) {
            try folder.make()
            try files.place(in: folder)
            try folder.write(manifest)
            if let searched { folder.takeSearch(of: self.folder(of: searched)) }
            for path in [folder.model, folder.newModel, folder.data, folder.validation] {
                try DurableFile.synchroniseFolder(path)
            }
            try DurableFile.synchroniseFolder(dataDirectory + "/jobs")
        } catch {
            removeFolder(of: id)
            throw error
        }
    }

    func removeFolder(of id: String) { try? FileManager.default.removeItem(atPath: folder(of: id).path) }

    /// Compares the folders with the existing jobs when a server starts. A folder without a job may hold a result, so
    /// it is moved to `lost` and deleted after a week.
    ///
    /// - Parameters:
    ///   - statuses: the status of every job, by id
    ///   - now: seconds since 1970
    /// - Returns: the names of the folders moved to `lost`
    /// - Throws: ``SystemError`` when a folder cannot be read or moved.
    func settle(_ statuses: [String: JobStatus], at now: Int) throws(SystemError) -> [String] {
        var orphans: [String] = []
        for name in try DurableFile.names(in: dataDirectory + "/jobs") {
            guard let status = statuses[name] else {
                orphans.append(name)
                continue
            }
            // An earlier server may have died between the end of a job and the removal of its checkpoints.
            if status.isFinal { folder(of: name).removeCheckpoints() }
        }
        if !orphans.isEmpty { try DurableFile.makeFolder(lost) }
        for name in orphans { try DurableFile.move("\(dataDirectory)/jobs/\(name)", to: "\(lost)/\(now).\(name)") }
        return orphans
    }

    private var lost: String { dataDirectory + "/lost" }

    /// The time for which a folder without a job is kept.
    static let lostSeconds = 7 * 86_400

    /// Removes folders that have been in `lost` long enough.
    func removeLost(at now: Int) throws(SystemError) {
        for name in try DurableFile.names(in: lost) {
            guard let time = Query.digits(name.bytes(before: UInt8(ascii: "."))), now - time > Self.lostSeconds else {
                continue
            }
            try? FileManager.default.removeItem(atPath: "\(lost)/\(name)")
        }
    }
}
