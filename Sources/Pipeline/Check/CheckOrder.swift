package import JobContract
package import Options

/// The files and options of one check, from the command line or a job folder.
package struct CheckOrder: Sendable {
    /// Paths of the file in use, of the one that is to take its place, and of the samples.
    package var old: String
    package var new: String
    package var data: String
    package var options: JobOptions
    /// Report paths, which end in `.json`, `.xml`, `.md` or `.html`.
    package var reports: [String]
    /// Number of threads when the options give none.
    package var threads: Int?
    package var memoryLimitBytes: Int?

    package init(
        old: String, new: String, data: String, options: JobOptions, reports: [String] = [], threads: Int? = nil,
        memoryLimitBytes: Int? = nil
    ) {
        (self.old, self.new, self.data, self.options) = (old, new, data, options)
        (self.reports, self.threads, self.memoryLimitBytes) = (reports, threads, memoryLimitBytes)
    }
}

extension CheckOrder {
    /// Reads the order from a job folder.
    ///
    /// - Parameter folder: a folder prepared by the server.
    /// - Throws: ``Problem`` for an unreadable manifest or invalid options.
    package init(_ folder: JobFolder) throws(Problem) {
        guard let manifest = folder.manifest(), let old = manifest.modelFiles.first, let new = manifest.newFiles.first,
            let data = manifest.dataFile
        else {
            throw Problem(.internalError, "\(folder.manifestFile) cannot be read")
        }
        let options: JobOptions
        do { options = try JobOptions(decoding: manifest.options, for: .check) } catch { throw Problem(error) }
        self.init(
            old: "\(folder.model)/\(old)", new: "\(folder.newModel)/\(new)", data: "\(folder.data)/\(data)",
            options: options,
            reports: [folder.reportJSON, folder.reportMarkdown, folder.reportHTML, folder.reportXML],
            threads: manifest.threads, memoryLimitBytes: manifest.memoryLimitBytes)
    }
}

/// The result of a check.
package struct CheckResult: Sendable {
    /// The job's `result` as JSON.
    package let document: JSONValue
    /// The whole report as JSON.
    package let report: JSONValue
    /// The last line to print.
    package let summary: String
    /// True when the new file is within every limit.
    package let holds: Bool
}
