import Foundation
import Jobs

/// The folders of the jobs, below `jobs` in the data directory, one for each id.
struct JobDesk: Sendable {
    let dataDirectory: String

    init(dataDirectory: String) throws(StorageError) {
        self.dataDirectory = dataDirectory
        try DurableFile.makeFolder(dataDirectory + "/jobs")
    }

    func folder(of id: String) -> String { "\(dataDirectory)/jobs/\(id)" }
    func outputFolder(of id: String) -> String { folder(of: id) + "/output" }

    /// The files that the job's process published.
    func outputs(of id: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: outputFolder(of: id))) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted()
    }

    func removeFolder(of id: String) {
        try? FileManager.default.removeItem(atPath: folder(of: id))
    }

    /// Removes the folders of jobs that were never acknowledged, or were deleted half-way.
    func removeFolders(except known: (String) -> Bool) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: dataDirectory + "/jobs")) ?? []
        let orphans = names.filter { !known($0) }
        for name in orphans { removeFolder(of: name) }
        return orphans
    }
}
