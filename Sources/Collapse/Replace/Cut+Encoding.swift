import Compute
import Model

extension Cut {
    /// The modules that a layer of a replacement may have inside of the replaced one.
    private static let modules = ["", "down", "up", "linear"]

    /// All that the cut holds as tensors.
    ///
    /// - Parameter prefix: what the names of the tensors begin with.
    /// - Returns: the tensors by name.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func encoded(_ prefix: String) throws(ModelError) -> [String: Tensor] {
        let (code, layers): (Int64, [Rewrite.NewLayer]) =
            switch form {
            case .narrowed(_, let second, let path): (0, [second] + path)
            case .layers(let layers): (1, layers)
            case .table(_, let up): (2, [up])
            }
        var tensors = [prefix + "form": try computing { try Tensor([code, error.bits, r2.bits], Shape([3])) }]
        if case .narrowed(let channels, _, _) = form {
            tensors[prefix + "channels"] = try computing {
                try Tensor(channels.map(Int64.init), Shape([channels.count]))
            }
        }
        if case .table(let table, _) = form { tensors[prefix + "rows"] = table.rows }
        for (index, layer) in layers.enumerated() {
            tensors["\(prefix)\(index).weight.\(layer.module)"] = layer.weight
            tensors["\(prefix)\(index).bias.\(layer.module)"] = layer.bias
        }
        return tensors
    }

    /// Decodes a cut; nil unless ``encoded(_:)`` made some of the tensors.
    init?(_ prefix: String, decoding tensors: [String: Tensor]) {
        guard let head = tensors[prefix + "form"], head.type == .int64, head.shape.elementCount == 3 else { return nil }
        var layers: [Rewrite.NewLayer] = []
        while let module = Self.modules.first(where: { tensors["\(prefix)\(layers.count).weight.\($0)"] != nil }),
            let weight = tensors["\(prefix)\(layers.count).weight.\(module)"]
        {
            let bias = tensors["\(prefix)\(layers.count).bias.\(module)"]
            layers.append(.init(weight: weight, bias: bias, module: module))
        }
        guard let first = layers.first else { return nil }
        (error, r2) = (Double(bits: head.int64s[1]), Double(bits: head.int64s[2]))
        switch head.int64s[0] {
        case 0:
            guard let channels = tensors[prefix + "channels"], channels.type == .int64 else { return nil }
            form = .narrowed(channels.int64s.map(Int.init), second: first, path: Array(layers.dropFirst()))
        case 1: form = .layers(layers)
        case 2:
            guard let rows = tensors[prefix + "rows"] else { return nil }
            form = .table(.init(rows: rows), first)
        default: return nil
        }
    }
}
