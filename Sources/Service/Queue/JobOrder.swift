import Foundation
package import JobContract

/// The work of a job, as stored in the queue: file ids and options.
package struct JobOrder: Hashable, Sendable {
    /// The client's name of the model.
    package var modelName: String
    package var model: String
    package var trainingFile: String?
    package var validationFile: String?
    /// Every option with its value or its default, except the labels, which are stored with the job.
    package var options: JSONValue.Object

    package var document: JSONValue {
        [
            "model_name": .string(modelName), "model": .string(model), "training_file": JSONValue(trainingFile),
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
            modelName: name, model: model, trainingFile: document["training_file"]?.string,
            validationFile: document["validation_file"]?.string, options: options)
    }
}
