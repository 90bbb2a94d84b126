import ByteText
import Foundation
import JobContract
import Jobs

/// The folders of the jobs, below `jobs` in the data directory, one for each id.
struct JobFolders: Sendable {
    let dataDirectory: String

    init(dataDirectory: String) throws(StorageError) {
        self.dataDirectory = dataDirectory
        try DurableFile.makeFolder(dataDirectory + "/jobs")
    }

    func folder(of id: String) -> JobFolder { JobFolder("\(dataDirectory)/jobs/\(id)") }

    /// The files that the job's process published.
    func outputs(of id: String) throws(StorageError) -> [String] {
        try DurableFile.names(in: folder(of: id).output).filter { !$0.startsWithBytes(of: ".") }
    }

    /// Lays out the folder that the job's process is given: the files under their own names, and what to do with them.
    ///
    /// The row of the job comes later, so that a job that was acknowledged has all of its files.
    func lay(_ manifest: JobFolder.Manifest, _ files: JobFiles, id: String) throws(StorageError) {
        let folder = folder(of: id)
        do throws(StorageError) {
            try folder.make()
            try files.place(in: folder)
            try folder.write(manifest)
            for path in [folder.model, folder.data, folder.validation] { try DurableFile.synchroniseFolder(path) }
            try DurableFile.synchroniseFolder(dataDirectory + "/jobs")
        } catch {
            removeFolder(of: id)
            throw error
        }
    }

    func removeFolder(of id: String) {
        try? FileManager.default.removeItem(atPath: folder(of: id).path)
    }

    /// Compares the folders with the jobs that there are, when a server starts. Nothing is removed that might be somebody's
    /// result: a folder without a job is put aside into `lost`, and goes after a week.
    ///
    /// - Parameters:
    ///   - statuses: every job's, by its id
    ///   - now: seconds since 1970
    /// - Returns: the names of the folders that were put aside
    /// - Throws: ``StorageError`` when a folder cannot be read or moved.
    func settle(_ statuses: [String: JobStatus], at now: Int) throws(StorageError) -> [String] {
        var orphans: [String] = []
        for name in try DurableFile.names(in: dataDirectory + "/jobs") {
            guard let status = statuses[name] else {
                orphans.append(name)
                continue
            }
            // An earlier server may have died between the end of a job and the removal of what it had reached.
            if status.isFinal { folder(of: name).removeCheckpoints() }
        }
        if !orphans.isEmpty { try DurableFile.makeFolder(lost) }
        for name in orphans { try DurableFile.move("\(dataDirectory)/jobs/\(name)", to: "\(lost)/\(now).\(name)") }
        return orphans
    }

    private var lost: String { dataDirectory + "/lost" }

    /// How long a folder without a job is kept.
    static let lostSeconds = 7 * 86_400

    /// Removes what was put aside long enough ago.
    func removeLost(at now: Int) throws(StorageError) {
        for name in try DurableFile.names(in: lost) {
            guard let time = Query.digits(name.bytes(before: UInt8(ascii: "."))), now - time > Self.lostSeconds else {
                continue
            }
            try? FileManager.default.removeItem(atPath: "\(lost)/\(name)")
        }
    }
}
