import ByteText
import JobContract

/// Where the bytes of a job's or a plan's files are, by the names that they are to have.
struct JobFiles {
    typealias File = (name: String, path: String)

    /// The ONNX file first.
    let model: [File]
    let data: File?
    let validation: File?

    /// - Parameters:
    ///   - model: in any order
    ///   - data: the training file
    ///   - validation: the validation file
    init(model: [File], data: File? = nil, validation: File? = nil) {
        let first = model.firstIndex { $0.name.endsWithBytes(of: ".onnx") } ?? 0
        self.model = model.indices.sorted { $0 == first && $1 != first }.map { model[$0] }
        self.data = data
        self.validation = validation
    }

    init(_ submission: Submission, in artifacts: ArtifactStore) {
        func files(_ source: Submission.Source?) -> [File] {
            switch source {
            case .stored(let file): file.parts.indices.map { (file.parts[$0].name, artifacts.path(of: file, part: $0)) }
            case .arrived(let upload): upload.parts.indices.map { (upload.parts[$0].name, "\(upload.folder)/\($0)") }
            case nil: []
            }
        }
        self.init(
            model: files(submission.model), data: files(submission.data).first,
            validation: files(submission.validationData).first)
    }

    /// Gives every file its name in a job's folder. The bytes are the stored ones under a second name, so they cost no
    /// room and outlive the deletion of the upload; external data are copied, because a model's reader refuses to follow
    /// a name to a file that has others.
    func place(in folder: JobFolder) throws(StorageError) {
        for (number, file) in model.enumerated() {
            let path = "\(folder.model)/\(file.name)"
            if number == 0 {
                try DurableFile.link(file.path, to: path)
            } else {
                try DurableFile.copy(file.path, to: path)
            }
        }
        if let data { try DurableFile.link(data.path, to: "\(folder.data)/\(data.name)") }
        if let validation { try DurableFile.link(validation.path, to: "\(folder.validation)/\(validation.name)") }
    }
}
