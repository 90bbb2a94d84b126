package import JobContract

/// What a compression is asked for, whoever asks: the terminal or a job's folder.
package struct CompressionOrder: Sendable {
    /// Paths.
    package var model: String
    package var data: String?
    package var validationData: String?
    package var options: JobOptions
    /// Where the model is to be written.
    package var output: String
    /// Paths that end in `.json`, `.md` or `.html`.
    package var reports: [String]
    /// The folder of checkpoints, for a job that can be interrupted and go on.
    package var checkpoints: String?
    /// Where the options do not say.
    package var threads: Int?
    package var memoryLimitBytes: Int?

    package init(
        model: String, data: String? = nil, validationData: String? = nil, options: JobOptions, output: String,
        reports: [String] = [], checkpoints: String? = nil, threads: Int? = nil, memoryLimitBytes: Int? = nil
    ) {
        self.model = model
        self.data = data
        self.validationData = validationData
        self.options = options
        self.output = output
        self.reports = reports
        self.checkpoints = checkpoints
        self.threads = threads
        self.memoryLimitBytes = memoryLimitBytes
    }
}

extension CompressionOrder {
    /// What is asked for in a job's folder.
    ///
    /// - Parameter folder: laid out by the service.
    /// - Throws: ``Problem`` for a manifest or options that nobody can follow.
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
            checkpoints: folder.checkpoints, threads: manifest.threads, memoryLimitBytes: manifest.memoryLimitBytes)
    }
}

/// How a compression ended.
package struct CompressionResult: Sendable {
    /// `result` of the interface.
    package let document: JSONValue
    /// The last line of the terminal.
    package let summary: String

    package init(document: JSONValue, summary: String) {
        self.document = document
        self.summary = summary
    }
}
