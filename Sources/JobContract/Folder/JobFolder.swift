import Foundation
package import SystemCalls

/// The files of one job on disk. The server prepares the folder; the job process reads it and writes its results there.
///
/// ```
/// job.json      the input of the job process: ``Manifest``
/// model/        the model's files under their own names, external data among them
/// new/          the files of the model that a check compares with the one in model/
/// data/         the training file, or the samples of a check
/// validation/   the validation file
/// output/       published files: model.onnx (with its external data), report.json, report.md, report.html, report.xml;
///               points/ckpt_1, ...: the points of the front, each a ``FileDifference`` to the files in model/
///               and to points/new, which has the other bytes of all points;
///               search/: what the search found, from which a job with another budget goes on
/// checkpoints/  saved training state, for the next process if this one is killed
/// tmp/          partial files, renamed into output/ when complete
/// attempts/     a folder for each attempt, with an output/, checkpoints/ and tmp/ of its own
/// ```
///
/// Two attempts never share a folder: a process that was taken for dead still writes into its own alone. The next
/// attempt moves the checkpoints of the previous one into its folder, and the supervisor moves the output of the
/// successful attempt to the place from which clients get it.
package struct JobFolder: Hashable, Sendable {
    package let path: String
    /// The attempt whose folders these are; nil for the job's own.
    package let attempt: String?

    package init(_ path: String, attempt: String? = nil) { (self.path, self.attempt) = (path, attempt) }

    private var attempts: String { path + "/attempts" }
    private var work: String { attempt.map { "\(attempts)/\($0)" } ?? path }

    package var manifestFile: String { path + "/job.json" }
    package var model: String { path + "/model" }
    package var newModel: String { path + "/new" }
    package var data: String { path + "/data" }
    package var validation: String { path + "/validation" }
    package var output: String { work + "/output" }
    package var checkpoints: String { work + "/checkpoints" }
    package var temporary: String { work + "/tmp" }

    package var outputModel: String { output + "/model.onnx" }
    package var reportJSON: String { output + "/report.json" }
    package var reportMarkdown: String { output + "/report.md" }
    package var reportHTML: String { output + "/report.html" }
    package var reportXML: String { output + "/report.xml" }

    /// The name of the folder of points in that of the output.
    package static let pointsName = "points"
    /// The name of the file in ``points`` with the bytes that the model does not have.
    package static let newBytesName = "new"
    package var points: String { "\(output)/\(Self.pointsName)" }
    /// The name of the folder of the search in that of the output.
    package static let searchName = "search"
    package var search: String { "\(output)/\(Self.searchName)" }

    /// The bytes of the files in a folder; 0 when there is none.
    package static func byteCount(of folder: String) -> Int {
        ((try? DurableFile.names(in: folder)) ?? []).reduce(0) { $0 + FileDigest.byteCount("\(folder)/\($1)") }
    }

    /// Lets this job go on from the search of another one, which keeps its files.
    ///
    /// - Parameter other: a job with the same files, and the same options but for budgets.
    package func takeSearch(of other: JobFolder) {
        // What cannot be had is searched again.
        for name in (try? DurableFile.names(in: other.search)) ?? [] {
            try? DurableFile.link("\(other.search)/\(name)", to: "\(checkpoints)/\(name)")
        }
    }

    /// The id of a point of the front, and its name in ``points``.
    ///
    /// - Parameter index: its place in the front, from 0
    /// - Returns: `ckpt_1` for the first
    package static func pointID(_ index: Int) -> String { "ckpt_\(index + 1)" }

    /// True when a path on the command line is a job folder.
    package static func isJob(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: JobFolder(path).manifestFile)
    }

    /// True for a name that leads to nothing outside of its folder.
    static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
    }

    /// Removes the checkpoints of a job that has ended.
    package func removeCheckpoints() {
        Self.empty(checkpoints)
        if attempt == nil { try? FileManager.default.removeItem(atPath: attempts) }
    }

    /// Removes everything in a folder.
    private static func empty(_ path: String) {
        for name in (try? DurableFile.names(in: path)) ?? [] {
            try? FileManager.default.removeItem(atPath: "\(path)/\(name)")
        }
    }

    /// Creates the folders of an attempt, and moves the checkpoints of earlier ones into them.
    ///
    /// - Parameter attempt: the name of the attempt, not used before
    /// - Throws: ``SystemError``
    package func begin(attempt: String) throws(SystemError) {
        let next = JobFolder(path, attempt: attempt)
        let earlier = try DurableFile.names(in: attempts).map { JobFolder(path, attempt: $0) }
        for folder in [attempts, next.work, next.output, next.temporary] { try DurableFile.makeFolder(folder) }
        for folder in earlier + [JobFolder(path)] where !(try DurableFile.names(in: folder.checkpoints)).isEmpty {
            // If the earlier process still runs, its next checkpoint fails.
            try DurableFile.move(folder.checkpoints, to: next.checkpoints)
            break
        }
        try DurableFile.makeFolder(next.checkpoints)
        for folder in earlier where folder != next { try? FileManager.default.removeItem(atPath: folder.work) }
    }

    /// Makes the output of an attempt the job's own. When this returns, it survives a power loss.
    package func publish(attempt: String) throws(SystemError) {
        let folder = JobFolder(path, attempt: attempt)
        let written = try DurableFile.names(in: folder.output)
        // Left by a server that died after this and before it updated the job's row.
        if !written.isEmpty, !(try DurableFile.names(in: output)).isEmpty {
            try DurableFile.move(output, to: folder.work + "/output-before")
        }
        if !written.isEmpty { try DurableFile.move(folder.output, to: output) }
        try DurableFile.synchroniseFolder(path)
    }

    /// Creates the folder and its subfolders.
    package func make() throws(SystemError) {
        for folder in [path, model, newModel, data, validation, output, checkpoints, temporary] {
            try DurableFile.makeFolder(folder)
        }
    }
}

extension JobFolder {
    /// The input of a job process.
    package struct Manifest: Hashable, Sendable {
        /// The job's id; nil when there is none.
        package var job: String?
        package var kind: JobKind
        /// Names in `model/`; the first is the ONNX file.
        package var modelFiles: [String]
        /// Names in `new/`; the first is the ONNX file. Empty except for a check.
        package var newFiles: [String]
        /// A name in `data/`.
        package var dataFile: String?
        /// A name in `validation/`.
        package var validationFile: String?
        /// The options as they were given.
        package var options: JSONValue.Object
        /// The limit on heap and private memory of the process; nil for none.
        package var memoryLimitBytes: Int?
        /// The number of threads when the options give none; nil for every core.
        package var threads: Int?

        package init(
            job: String?, kind: JobKind = .compression, modelFiles: [String], newFiles: [String] = [],
            dataFile: String? = nil, validationFile: String? = nil,
            options: JSONValue.Object = JSONValue.Object(), memoryLimitBytes: Int? = nil, threads: Int? = nil
        ) {
            (self.job, self.modelFiles, self.dataFile) = (job, modelFiles, dataFile)
            (self.kind, self.newFiles) = (kind, newFiles)
            (self.validationFile, self.options, self.memoryLimitBytes) = (validationFile, options, memoryLimitBytes)
            self.threads = threads
        }

        package var document: JSONValue {
            [
                "job": JSONValue(job),
                "kind": .string(kind.rawValue),
                "model_files": .array(modelFiles.map(JSONValue.string)),
                "new_files": .array(newFiles.map(JSONValue.string)),
                "data_file": JSONValue(dataFile),
                "validation_file": JSONValue(validationFile),
                "options": .object(options),
                "memory_limit_bytes": JSONValue(memoryLimitBytes),
                "threads": JSONValue(threads),
            ]
        }

        /// Reads a ``document``; nil for anything else, and for names that would leave their folder.
        package init?(document: JSONValue) {
            let modelFiles = document["model_files"]?.array?.compactMap(\.string) ?? []
            // A job that an earlier version stored has neither.
            let newFiles = document["new_files"]?.array?.compactMap(\.string) ?? []
            let kind = document["kind"]?.string.flatMap(JobKind.init) ?? .compression
            let names =
                modelFiles + newFiles
                + [document["data_file"]?.string, document["validation_file"]?.string].compactMap(\.self)
            guard !modelFiles.isEmpty, names.allSatisfy(JobFolder.isPlain), let options = document["options"]?.object
            else {
                return nil
            }
            self.init(
                job: document["job"]?.string, kind: kind, modelFiles: modelFiles, newFiles: newFiles,
                dataFile: document["data_file"]?.string,
                validationFile: document["validation_file"]?.string, options: options,
                memoryLimitBytes: document["memory_limit_bytes"]?.int, threads: document["threads"]?.int)
        }
    }

    /// Writes the manifest of a folder that has none yet.
    package func write(_ manifest: Manifest) throws(SystemError) {
        try DurableFile.write(manifest.document.text(indented: true) + "\n", creating: manifestFile)
        try DurableFile.synchroniseFolder(path)
    }

    /// The manifest; nil when it is missing or unreadable.
    package func manifest() -> Manifest? {
        guard let bytes = FileManager.default.contents(atPath: manifestFile) else { return nil }
        return Manifest(document: JSONValue(stored: bytes))
    }
}
