import Collapse
import Compute
import Formats
import Model

/// Why work on a model ended without a result, in the words of the interface: what every error of the modules below becomes.
package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    package var code: ProblemCode
    package var message: String
    package var hint: String?
    /// JSON pointer to what is to blame.
    package var pointer: String?
    /// One for each thing that is wrong, where there are several.
    package var details: [Problem.Detail] = []

    package init(_ code: ProblemCode, _ message: String, hint: String? = nil, pointer: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.pointer = pointer
    }

    package var description: String { message + (hint.map { " (\($0))" } ?? "") }

    package var document: JSONValue {
        [
            "code": .string(code.rawValue), "message": .string(message), "hint": JSONValue(hint),
            "pointer": JSONValue(pointer),
            "errors": .array(details.map(\.document)),
        ]
    }

    /// 1 failed, 2 usage, 3 refused input, 4 nothing to collapse.
    package var exitStatus: Int32 {
        switch code {
        case .nothingToCollapse: 4
        case .unknownOption, .invalidOption, .missingField: 2
        case .memoryLimit, .nanLoss, .deadlineExceeded, .workerCrashed, .diskFull, .internalError: 1
        default: 3
        }
    }
}

extension Failure {
    /// - Parameters:
    ///   - error: what went wrong.
    ///   - file: whose fault it is, as the user named it.
    init(_ error: FormatError, file: String? = nil) {
        let code = ProblemCode(rawValue: error.code) ?? .invalidONNX
        let text = "\(error)"
        // What cannot be written or lies elsewhere names its own file.
        let names = file.map { text.contains($0) } ?? true
        self.init(code, names ? text : "\(file ?? ""): \(text)")
        switch error {
        case .unsupportedOperator(let nodes):
            details = nodes.map { node in
                Problem.Detail(
                    pointer: "/model/graph/node/\(node.index)",
                    detail: "\(node)" + (node.isOnGradientPath ? " lies on the gradient path" : ""))
            }
            pointer = "/model/graph/node"
        case .data, .key, .shape, .label, .notANumber: pointer = "/data"
        default: break
        }
    }

    init(_ error: ModelError) {
        switch error {
        case .shape: self.init(.invalidONNX, "\(error)", pointer: "/model")
        case .noDerivative:
            self.init(
                .unsupportedOperator, "\(error)", hint: "exclude the layers before it", pointer: "/model/graph/node")
        case .elementType: self.init(.unsupportedDtype, "\(error)", pointer: "/model")
        case .data: self.init(.shapeMismatch, "\(error)", pointer: "/data")
        case .nanLoss: self.init(.nanLoss, "\(error)")
        case .compute(let error): self.init(error)
        case .rewrite: self.init(.internalError, "\(error)")
        }
    }

    init(_ error: ComputeError) {
        switch error {
        case .memory(let error): self.init(error)
        case .shape: self.init(.invalidONNX, "\(error)", pointer: "/model")
        case .oneDNN, .singular: self.init(.internalError, "\(error)")
        }
    }

    init(_ error: MemoryError) { self.init(.memoryLimit, "\(error)", hint: "allow the job more memory") }

    init(_ error: StorageError) {
        self.init(error == .full ? .diskFull : .internalError, "\(error)")
    }

    package init(_ error: OptionError) {
        let code: ProblemCode = if case .unknown = error { .unknownOption } else { .invalidOption }
        self.init(code, "\(error)", hint: error.hint, pointer: "/\(error.name)")
    }

    /// Whatever was thrown.
    package init(any error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as FormatError: self.init(error)
        case let error as ModelError: self.init(error)
        case let error as ComputeError: self.init(error)
        case let error as MemoryError: self.init(error)
        case let error as StorageError: self.init(error)
        case let error as OptionError: self.init(error)
        default: self.init(.internalError, "\(error)")
        }
    }
}
