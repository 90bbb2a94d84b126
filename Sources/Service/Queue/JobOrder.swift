import Foundation
package import JobContract
import Options

/// The work of a job, as stored in the queue: file ids and options.
package struct JobOrder: Hashable, Sendable {
    package var kind = JobKind.compression
    /// The client's name of the model.
    package var modelName: String
    package var model: String
    /// The model that a check compares with the other one; nil for a compression.
    package var newModel: String?
    package var trainingFile: String?
    package var validationFile: String?
    /// Every option with its value or its default, except the labels, which are stored with the job.
    package var options: JSONValue.Object

    package var document: JSONValue {
        [
            "kind": .string(kind.rawValue), "model_name": .string(modelName), "model": .string(model),
            "new": JSONValue(newModel), "training_file": JSONValue(trainingFile),
            "validation_file": JSONValue(validationFile), "options": .object(options),
        ]
    }
}

extension JobOrder {
    /// Reads a ``document``; nil for anything else.
    init?(stored data: Data) {
        let document = JSONValue(stored: data)
        guard let name = document["model_name"]?.string, let model = document["model"]?.string,
            let options = document["options"]?.object
        else { return nil }
        self.init(
            kind: document["kind"]?.string.flatMap(JobKind.init) ?? .compression, modelName: name, model: model,
            newModel: document["new"]?.string, trainingFile: document["training_file"]?.string,
            validationFile: document["validation_file"]?.string, options: options)
    }
}

extension JobOrder {
    /// True when the search for points would find the same in both jobs: the files are the same, and the options but for
    /// budgets and training.
    func searchesLike(_ other: JobOrder) -> Bool {
        var (own, others) = (self, other)
        for name in JobOptions.namesBehindSearch { (own.options[name], others.options[name]) = (nil, nil) }
        return own == others
    }

    /// The id of the stored file that has a role in the job; nil for none.
    func file(_ role: SubmittedFile.Role) -> String? {
        switch role {
        case .model: model
        case .newModel: newModel
        case .data: trainingFile
        case .validationData: validationFile
        }
    }
}
