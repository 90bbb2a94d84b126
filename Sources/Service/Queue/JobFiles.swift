import ByteText
import JobContract
import SystemCalls

/// The files of a job or a plan: their names in the job folder and the paths of their bytes.
struct JobFiles {
    typealias File = (name: String, path: String)

    /// The model's files, the ONNX file first.
    let model: [File]
    let data: File?
    let validation: File?

    /// - Parameters:
    ///   - model: the model's files, in any order
    ///   - data: the training file
    ///   - validation: the validation file
    init(model: [File], data: File? = nil, validation: File? = nil) {
        let first = model.firstIndex { $0.name.endsWithBytes(of: ".onnx") } ?? 0
        self.model = model.indices.sorted { $0 == first && $1 != first }.map { model[$0] }
        (self.data, self.validation) = (data, validation)
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

    /// Places every file in a job folder under its name. Files are hard links to the stored bytes, so they cost no room
    /// and outlive the deletion of the upload. External data are copied, because the model reader rejects files with
    /// more than one link.
    func place(in folder: JobFolder) throws(SystemError) {
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
