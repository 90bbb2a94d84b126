package import JobContract
package import Options

/// The files and options of one compression, from the command line or a job folder.
package struct CompressionOrder: Sendable {
    /// Paths of the model and the data.
    package var model: String
    package var data: String?
    package var validationData: String?
    package var options: JobOptions
    /// Path of the compressed model.
    package var output: String
    /// Report paths, which end in `.json`, `.md` or `.html`.
    package var reports: [String]
    /// The folder that receives every point of the front; nil for none.
    package var front: String?
    /// The folder that receives every point of the front as a difference to the model; nil for none.
    package var points: String?
    /// The folder that receives what the search found, for jobs with other budgets; nil for none.
    package var search: String?
    /// The bytes that both folders may take; nil for no limit.
    package var pointsLimitBytes: Int?
    /// The folder of checkpoints, for a job that can be resumed.
    package var checkpoints: String?
    /// Number of threads when the options give none.
    package var threads: Int?
    package var memoryLimitBytes: Int?

    package init(
        model: String, data: String? = nil, validationData: String? = nil, options: JobOptions, output: String,
        reports: [String] = [], front: String? = nil, points: String? = nil, checkpoints: String? = nil,
        threads: Int? = nil, memoryLimitBytes: Int? = nil
    ) {
        (self.model, self.data, self.validationData, self.options) = (model, data, validationData, options)
        (self.output, self.reports, self.checkpoints, self.threads) = (output, reports, checkpoints, threads)
        (self.front, self.points) = (front, points)
        self.memoryLimitBytes = memoryLimitBytes
    }
}

extension CompressionOrder {
    /// Reads the order from a job folder.
    ///
    /// - Parameter folder: a folder prepared by the server.
    /// - Throws: ``Problem`` for an unreadable manifest or invalid options.
    package init(_ folder: JobFolder) throws(Problem) {
        guard let manifest = folder.manifest(), let model = manifest.modelFiles.first else {
            throw Problem(.internalError, "\(folder.manifestFile) cannot be read")
        }
        let options: JobOptions
        do { options = try JobOptions(decoding: manifest.options) } catch { throw Problem(error) }
        self.init(
            model: "\(folder.model)/\(model)", data: manifest.dataFile.map { "\(folder.data)/\($0)" },
            validationData: manifest.validationFile.map { "\(folder.validation)/\($0)" }, options: options,
            output: folder.outputModel, reports: [folder.reportJSON, folder.reportMarkdown, folder.reportHTML],
            points: folder.points, checkpoints: folder.checkpoints, threads: manifest.threads,
            memoryLimitBytes: manifest.memoryLimitBytes)
        search = folder.search
    }
}

/// The result of a compression.
package struct CompressionResult: Sendable {
    /// The job's `result` as JSON.
    package let document: JSONValue
    /// The last line to print.
    package let summary: String
    /// False when no network is within the budget, and the one of the smallest damage was written.
    package let metBudget: Bool
}
