import Foundation

/// What a job was asked to do, as the queue keeps it: the files by their ids, and the options as they were given.
package struct JobOrder: Hashable, Sendable {
    package var model: String
    package var trainingFile: String?
    package var validationFile: String?
    /// Every default filled in.
    package var options: JSONValue.Object

    package init(model: String, trainingFile: String?, validationFile: String?, options: JSONValue.Object) {
        self.model = model
        self.trainingFile = trainingFile
        self.validationFile = validationFile
        self.options = options
    }

    package var document: JSONValue {
        [
            "model": .string(model), "training_file": JSONValue(trainingFile),
            "validation_file": JSONValue(validationFile), "options": .object(options),
        ]
    }

    /// Reads what ``document`` wrote; nil for anything else.
    package init?(document: JSONValue) {
        guard let model = document["model"]?.string, let options = document["options"]?.object else { return nil }
        self.init(
            model: model, trainingFile: document["training_file"]?.string,
            validationFile: document["validation_file"]?.string, options: options)
    }
}

extension JSONValue {
    /// What the queue kept; `null` if it is no JSON.
    init(stored data: Data?) {
        self = data.flatMap { try? JSONParser.parse(Array($0)) } ?? .null
    }

    var data: Data { Data(text().utf8) }
}
