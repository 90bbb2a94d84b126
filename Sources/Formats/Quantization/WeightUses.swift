/// The nodes that read one weight `[rows, columns]`, directly or through nodes that only hand it on.
struct WeightUses {
    /// A node that reads a weight.
    struct Use {
        enum Kind: Hashable {
            /// A product of a value with the weight, or with its transpose.
            case product(isTransposed: Bool)
            /// A choice of rows.
            case table
        }

        let node: Int
        let kind: Kind
    }

    private(set) var uses: [Use] = []
    /// The nodes that hand the weight on, transposed or as it is.
    private(set) var between: [Int] = []

    var isTable: Bool { uses.contains { $0.kind == .table } }
    var hasProducts: Bool { uses.contains { $0.kind != .table } }
    /// The axis of the channels, which are the columns of what a value is multiplied by, and the rows of a table.
    var channels: ChannelIntegers.Axis { uses.contains { $0.kind == .product(isTransposed: false) } ? .columns : .rows }

    /// The reason why a weight is not one of integers.
    struct Refusal: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    /// Finds the uses.
    ///
    /// - Parameters:
    ///   - weight: the name of an initializer.
    ///   - model: its model.
    ///   - readers: the nodes that read a name.
    ///   - constants: the names of values that are the same for all samples.
    /// - Throws: ``Refusal`` when one of them needs the floats.
    init(
        of weight: String, in model: ONNXModel, readers: [String: [Int]], constants: Set<String>
    ) throws(Refusal) {
        var names = [(name: weight, isTransposed: false)]
        while let (name, isTransposed) = names.popLast() {
            if model.outputs.contains(where: { $0.name == name }) { throw Refusal("it is an output") }
            for index in readers[name] ?? [] {
                let node = model.nodes[index]
                switch node.opType {
                case "Identity" where node.isStandard:
                    between.append(index)
                    names.append((node.outputs[0], isTransposed))
                case "Transpose" where node.isStandard && node.isMatrixTranspose:
                    between.append(index)
                    names.append((node.outputs[0], !isTransposed))
                default:
                    uses.append(
                        Use(node: index, kind: try Self.kind(of: node, reading: name, isTransposed, constants)))
                }
            }
        }
        if uses.isEmpty { throw Refusal("no node reads it") }
        let products = Set(uses.map(\.kind)).subtracting([.table])
        guard products.count < 2, !isTable || channels == .rows else {
            throw Refusal("it is read in both orientations")
        }
    }

    private static func kind(
        of node: ONNXModel.Node, reading name: String, _ isTransposed: Bool, _ constants: Set<String>
    ) throws(Refusal) -> Use.Kind {
        let refusal = Refusal("node '\(node.name)' (\(node.opType)) reads it as floats")
        guard node.isStandard, node.inputs.filter({ $0 == name }).count == 1 else { throw refusal }
        switch node.opType {
        case "MatMul", "Gemm":
            guard node.inputs.count >= 2, node.inputs[1] == name else { throw refusal }
            if constants.contains(node.inputs[0]) { throw refusal }
            guard node.opType == "Gemm" else { return .product(isTransposed: isTransposed) }
            guard node.int("transA") ?? 0 == 0, node.isUnscaled("alpha"), node.isUnscaled("beta") else { throw refusal }
            return .product(isTransposed: isTransposed != (node.int("transB") ?? 0 != 0))
        case "Gather":
            guard node.inputs[0] == name, !isTransposed, [0, -2].contains(node.int("axis") ?? 0) else { throw refusal }
            return .table
        default: throw refusal
        }
    }
}

extension ONNXModel.Node {
    fileprivate var isStandard: Bool { domain.isEmpty || domain == "ai.onnx" }

    fileprivate var isMatrixTranspose: Bool {
        guard case .ints(let order) = attributes["perm"] else { return attributes["perm"] == nil }
        return order == [1, 0]
    }

    fileprivate func int(_ name: String) -> Int64? {
        if case .int(let value) = attributes[name] { value } else { nil }
    }

    /// True for a factor of 1, which is the default of all factors.
    fileprivate func isUnscaled(_ name: String) -> Bool {
        if case .float(let value) = attributes[name] { value == 1 } else { attributes[name] == nil }
    }
}
