import Collapse
import Compute
import Formats
package import JobContract
import Model
import SystemCalls

/// Conversions of the lower modules' errors to problems.
extension Problem {
    /// - Parameters:
    ///   - error: the error to convert.
    ///   - file: name of the faulty file, as the user gave it.
    init(_ error: FormatError, file: String? = nil) {
        let code = ProblemCode(rawValue: error.code) ?? .invalidONNX
        let text = "\(error)"
        // Errors about outputs and external data name their own file.
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

    /// Converts any error.
    package init(any error: any Error) {
        switch error {
        case let error as Problem: self = error
        case let error as FormatError: self.init(error)
        case let error as ModelError: self.init(error)
        case let error as ComputeError: self.init(error)
        case let error as MemoryError: self.init(error)
        case let error as SystemError: self.init(error)
        case let error as OptionError: self.init(error)
        default: self.init(.internalError, "\(error)")
        }
    }
}
