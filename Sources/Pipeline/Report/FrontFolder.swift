import Collapse
import Formats
import JobContract
import SystemCalls

/// A folder that holds each point of a front as a model, and `front.json`, which lists them by size.
struct FrontFolder {
    let path: String

    /// Writes the points.
    ///
    /// - Parameters:
    ///   - outcome: the points, smallest damage first, and what they are points of.
    ///   - model: the original.
    /// - Throws: ``SystemError`` or ``FormatError`` when the folder cannot be written to.
    func write(_ outcome: Collapser.Outcome, of model: SourceModel) throws {
        try DurableFile.makeFolder(path)
        var list: [JSONValue] = []
        for point in outcome.points {
            let name = "point-\(list.count + 1).onnx"
            let publication = try AtomicOutput(of: "\(path)/\(name)")
            let edit = try model.document.edit(toMatch: point.graph)
            _ = try model.document.write(edit, to: publication.file)
            try publication.publish()
            var document = JSONValue.Object([("file", .string(name))])
            let members = point.document(among: outcome.layers, chosen: outcome.chosen).object?.members ?? []
            for (key, value) in members { document[key] = value }
            list.append(.object(document))
        }
        let document: JSONValue = ["object": "list", "data": .array(list)]
        try AtomicOutput.write(document.text(indented: true) + "\n", to: "\(path)/front.json")
    }
}
