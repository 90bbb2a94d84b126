import ByteText
import JobContract
import SystemCalls

/// The files of a job or a plan: their names in the job folder and the paths of their bytes.
struct JobFiles {
    typealias File = (name: String, path: String)

    /// The model's files, the ONNX file first.
    let model: [File]
    /// The files of the model that a check compares with the other one, the ONNX file first.
    let newModel: [File]
    let data: File?
    let validation: File?

    /// - Parameters:
    ///   - model: the model's files, in any order
    ///   - newModel: those of the model that a check compares with it
    ///   - data: the training file
    ///   - validation: the validation file
    init(model: [File], newModel: [File] = [], data: File? = nil, validation: File? = nil) {
        (self.model, self.newModel) = (Self.modelFirst(model), Self.modelFirst(newModel))
        (self.data, self.validation) = (data, validation)
    }

    private static func modelFirst(_ files: [File]) -> [File] {
        let first = files.firstIndex { $0.name.endsWithBytes(of: ".onnx") } ?? 0
        return files.indices.sorted { $0 == first && $1 != first }.map { files[$0] }
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
            model: files(submission.model), newModel: files(submission.newModel), data: files(submission.data).first,
            validation: files(submission.validationData).first)
    }

    /// Places every file in a job folder under its name. Files are hard links to the stored bytes, so they cost no room
    /// and outlive the deletion of the upload. External data are copied, because the model reader rejects files with
    /// more than one link.
    func place(in folder: JobFolder) throws(SystemError) {
        for (files, place) in [(model, folder.model), (newModel, folder.newModel)] {
            for (number, file) in files.enumerated() {
                let path = "\(place)/\(file.name)"
                if number == 0 {
                    try DurableFile.link(file.path, to: path)
                } else {
                    try DurableFile.copy(file.path, to: path)
                }
            }
        }
        if let data { try DurableFile.link(data.path, to: "\(folder.data)/\(data.name)") }
        if let validation { try DurableFile.link(validation.path, to: "\(folder.validation)/\(validation.name)") }
    }
}
