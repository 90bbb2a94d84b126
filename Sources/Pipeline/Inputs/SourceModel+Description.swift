import Collapse
import Compute
import Formats
import JobContract
import Model

extension SourceModel {
    /// The member `model` of a plan.
    ///
    /// - Parameter graph: the lowered file; nil when lowering failed.
    /// - Returns: the file's own metadata and its sizes.
    func description(of graph: Graph?) -> JSONValue {
        let model = document.model
        var operators: [String: Int] = [:]
        for node in model.nodes {
            operators[node.domain.isEmpty ? node.opType : "\(node.domain).\(node.opType)", default: 0] += 1
        }
        let counts = operators.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.int($0.value)) }
        let opsets = model.opsets.map { opset in
            (opset.domain.isEmpty ? "ai.onnx" : opset.domain, JSONValue.int(opset.version))
        }
        return [
            "name": .string(name), "ir_version": .int(Int(model.irVersion)),
            "opsets": .object(JSONValue.Object(opsets)), "producer": .string(model.producer),
            "parameters": .int(graph?.parameterCount ?? storedFloats), "bytes": .int(byteCount),
            "macs": JSONValue(graph?.macs), "nodes": .int(model.nodes.count),
            "inputs": .array(dataInputs.map(Self.description)), "outputs": .array(model.outputs.map(Self.description)),
            "operators": .object(JSONValue.Object(counts)),
        ]
    }

    /// The inputs that are not initializers. Before IR 4, initializers are listed as inputs too.
    private var dataInputs: [ONNXModel.ValueInfo] { document.model.inputs.filter { document.weights[$0.name] == nil } }

    private var storedFloats: Int {
        document.weights.values.filter { $0.type == .float32 }.reduce(document.model.innerFloatCount) {
            $0 &+ $1.shape.elementCount
        }
    }

    private static func description(_ value: ONNXModel.ValueInfo) -> JSONValue {
        let shape = value.shape.map { dimensions in
            JSONValue.array(
                dimensions.map { dimension in
                    switch dimension {
                    case .size(let size): .int(Int(size))
                    case .symbol(let name): .string(name)
                    }
                })
        }
        return [
            "name": .string(value.name), "dtype": .string(ElementType.name(onnx: value.elementType)),
            "shape": shape ?? .null,
        ]
    }

    /// The sample shape of each input, with `size` for each dimension that the file leaves open.
    func guess(_ size: Int) -> [String: [Int]] {
        var samples: [String: [Int]] = [:]
        for input in dataInputs {
            samples[input.name] = (document.samplesFirst(input) ?? []).dropFirst().map { dimension in
                if case .size(let known) = dimension { Int(known) } else { size }
            }
        }
        return samples
    }
}
