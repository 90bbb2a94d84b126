import Foundation
import Jobs

/// The folders of the jobs, below `jobs` in the data directory, one for each id.
struct JobDesk: Sendable {
    let dataDirectory: String

    init(dataDirectory: String) throws(StorageError) {
        self.dataDirectory = dataDirectory
        try DurableFile.makeFolder(dataDirectory + "/jobs")
    }

    func folder(of id: String) -> JobFolder { JobFolder("\(dataDirectory)/jobs/\(id)") }

    /// The files that the job's process published.
    func outputs(of id: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder(of: id).output)) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted()
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

    /// Removes what jobs had reached that have ended.
    func removeCheckpoints(ofJobsThat haveEnded: (String) -> Bool) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: dataDirectory + "/jobs")) ?? []
        for name in names where haveEnded(name) { folder(of: name).removeCheckpoints() }
    }

    func removeFolder(of id: String) {
        try? FileManager.default.removeItem(atPath: folder(of: id).path)
    }

    /// Removes the folders of jobs that were never acknowledged, or were deleted half-way.
    func removeFolders(except known: (String) -> Bool) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: dataDirectory + "/jobs")) ?? []
        let orphans = names.filter { !known($0) }
        for name in orphans { removeFolder(of: name) }
        return orphans
    }
}
