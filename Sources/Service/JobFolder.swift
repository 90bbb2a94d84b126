import Foundation

/// Where everything of one job lies on disk. The service lays it out, the job's process reads it and puts its results there.
///
/// ```
/// job.json      what is to be done: ``Manifest``
/// model/        the model's files under their own names, external data among them
/// data/         the training file
/// validation/   the validation file
/// output/       what is published: model.onnx (with its external data), report.json, report.md, report.html
/// checkpoints/  what its process has reached, for the next one if it is killed: ``CheckpointFolder``
/// tmp/          what is being written; renamed into output/ when whole
/// ```
package struct JobFolder: Hashable, Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var manifestFile: String { path + "/job.json" }
    package var model: String { path + "/model" }
    package var data: String { path + "/data" }
    package var validation: String { path + "/validation" }
    package var output: String { path + "/output" }
    package var checkpoints: String { path + "/checkpoints" }
    package var temporary: String { path + "/tmp" }

    package var outputModel: String { output + "/model.onnx" }
    package var reportJSON: String { output + "/report.json" }
    package var reportMarkdown: String { output + "/report.md" }
    package var reportHTML: String { output + "/report.html" }

    /// Whether a path on the command line is such a folder.
    package static func isJob(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: JobFolder(path).manifestFile)
    }

    /// The job has ended: nobody goes on from what was reached.
    package func removeCheckpoints() { CheckpointFolder.empty(checkpoints) }

    /// Makes the folder and those inside it.
    package func make() throws(StorageError) {
        for folder in [path, model, data, validation, output, checkpoints, temporary] {
            try DurableFile.makeFolder(folder)
        }
    }
}

extension JobFolder {
    /// What the job's process is told.
    package struct Manifest: Hashable, Sendable {
        /// The job's id; nil when there is none.
        package var job: String?
        /// Names in `model/`; the first is the ONNX file.
        package var modelFiles: [String]
        /// A name in `data/`.
        package var dataFile: String?
        /// A name in `validation/`.
        package var validationFile: String?
        /// The options as they were given.
        package var options: JSONValue.Object
        /// Heap and private memory that the process may have; nil for no limit.
        package var memoryLimitBytes: Int?
        /// Threads, where the options do not say; nil for every core.
        package var threads: Int?

        package init(
            job: String?, modelFiles: [String], dataFile: String? = nil, validationFile: String? = nil,
            options: JSONValue.Object = JSONValue.Object(), memoryLimitBytes: Int? = nil, threads: Int? = nil
        ) {
            self.job = job
            self.modelFiles = modelFiles
            self.dataFile = dataFile
            self.validationFile = validationFile
            self.options = options
            self.memoryLimitBytes = memoryLimitBytes
            self.threads = threads
        }

        package var document: JSONValue {
            [
                "job": JSONValue(job),
                "model_files": .array(modelFiles.map(JSONValue.string)),
                "data_file": JSONValue(dataFile),
                "validation_file": JSONValue(validationFile),
                "options": .object(options),
                "memory_limit_bytes": JSONValue(memoryLimitBytes),
                "threads": JSONValue(threads),
            ]
        }

        /// Reads what ``document`` wrote; nil for anything else, and for names that would leave their folder.
        package init?(document: JSONValue) {
            let modelFiles = document["model_files"]?.array?.compactMap(\.string) ?? []
            let names =
                modelFiles + [document["data_file"]?.string, document["validation_file"]?.string].compactMap(\.self)
            guard !modelFiles.isEmpty, names.allSatisfy(Self.isPlain), let options = document["options"]?.object else {
                return nil
            }
            self.init(
                job: document["job"]?.string, modelFiles: modelFiles, dataFile: document["data_file"]?.string,
                validationFile: document["validation_file"]?.string, options: options,
                memoryLimitBytes: document["memory_limit_bytes"]?.int, threads: document["threads"]?.int)
        }

        private static func isPlain(_ name: String) -> Bool {
            !name.isEmpty && name != "." && name != ".." && !name.contains("/")
        }
    }

    /// Writes the manifest of a folder that has none yet.
    package func write(_ manifest: Manifest) throws(StorageError) {
        try DurableFile.write(manifest.document.text(indented: true) + "\n", creating: manifestFile)
        try DurableFile.synchroniseFolder(path)
    }

    /// The manifest, or nil when there is none that can be read.
    package func manifest() -> Manifest? {
        guard let bytes = FileManager.default.contents(atPath: manifestFile) else { return nil }
        return Manifest(document: JSONValue(stored: bytes))
    }
}
