import Foundation
package import JobContract

/// What a job was asked to do, as the queue keeps it: the files by their ids, and the options.
package struct JobOrder: Hashable, Sendable {
    /// As the client called it.
    package var modelName: String
    package var model: String
    package var trainingFile: String?
    package var validationFile: String?
    /// The options that were given.
    package var given: JSONValue.Object
    /// The same with every default filled in.
    package var options: JSONValue.Object

    package var document: JSONValue {
        [
            "model_name": .string(modelName), "model": .string(model), "training_file": JSONValue(trainingFile),
            "validation_file": JSONValue(validationFile), "given": .object(given), "options": .object(options),
        ]
    }
}

extension JobOrder {
    /// Reads what ``document`` wrote; nil for anything else.
    init?(stored data: Data) {
        let document = JSONValue(stored: data)
        guard let name = document["model_name"]?.string, let model = document["model"]?.string,
            let options = document["options"]?.object
        else { return nil }
        self.init(
            modelName: name, model: model, trainingFile: document["training_file"]?.string,
            validationFile: document["validation_file"]?.string, given: document["given"]?.object ?? JSONValue.Object(),
            options: options)
    }
}
