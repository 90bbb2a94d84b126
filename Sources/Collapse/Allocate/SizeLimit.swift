import Model
import Options

/// The limits that the user sets on the size of the network, and the cost in which they are counted.
struct SizeLimit {
    /// One limit: at most `most` of a cost.
    private struct Bound {
        let option: String
        let most: Int
        let cost: @Sendable (Graph) throws(ModelError) -> Int
    }

    private let bounds: [Bound]
    /// True when multiply-adds are limited, so that replacements are chosen by what they save of them.
    private let countsMacs: Bool
    private let parametersBefore: Int

    /// - Parameters:
    ///   - options: the user's limits.
    ///   - original: the network before anything was replaced.
    ///   - parametersBefore: the parameters before exact merges too.
    ///   - byteCount: the size of the file that a graph is written as.
    init(
        _ options: JobOptions, _ original: Graph, parametersBefore: Int,
        byteCount: @escaping @Sendable (Graph) throws(ModelError) -> Int
    ) {
        self.parametersBefore = parametersBefore
        var bounds: [Bound] = []
        if let ratio = options.compressionRatio {
            let most = Int(Double(parametersBefore) / ratio)
            bounds.append(Bound(option: "compression_ratio", most: most) { $0.parameterCount })
        }
        if let most = options.maxParameters {
            bounds.append(Bound(option: "max_parameters", most: most) { $0.parameterCount })
        }
        if let most = options.maxMacs {
            bounds.append(Bound(option: "max_macs", most: most) { $0.macs })
        }
        if let most = options.maxBytes {
            bounds.append(Bound(option: "max_bytes", most: most, cost: byteCount))
        }
        self.bounds = bounds
        countsMacs = options.maxMacs != nil && bounds.count == 1
    }

    var isSet: Bool { !bounds.isEmpty }

    /// The cost of a site or a replacement, by which plans are ordered.
    func cost(_ size: Size) -> Int { countsMacs ? size.macs : size.parameters }

    /// The cost of a network.
    func cost(_ graph: Graph) -> Int { countsMacs ? graph.macs : graph.parameterCount }

    /// The size of a network as a multiple of the first limit that it exceeds; nil within all of them.
    func excess(of graph: Graph) throws(ModelError) -> Double? {
        for bound in bounds {
            let found = try bound.cost(graph)
            if found > bound.most { return Double(found) / Double(max(1, bound.most)) }
        }
        return nil
    }

    /// The values of the limits that would admit a network, for those that it exceeds.
    func admission(of graph: Graph) throws(ModelError) -> [(option: String, value: Double)] {
        var admission: [(option: String, value: Double)] = []
        for bound in bounds {
            let found = try bound.cost(graph)
            guard found > bound.most else { continue }
            let value =
                bound.option == "compression_ratio" ? Double(parametersBefore) / Double(max(1, found)) : Double(found)
            admission.append((bound.option, value))
        }
        return admission
    }

    /// The largest cost of a plan that the limits allow, if all that is saved is parameters of four bytes; nil without a
    /// limit that says so.
    func target(_ original: Graph) throws(ModelError) -> Int? {
        var targets: [Int] = []
        for bound in bounds {
            switch bound.option {
            case "max_bytes":
                // The rest of a file stays, and a replacement may add a node or two.
                targets.append(original.parameterCount - (max(0, try bound.cost(original) - bound.most) + 3) / 4)
            case "max_macs": if countsMacs { targets.append(bound.most) }
            default: targets.append(bound.most)
            }
        }
        return targets.min()
    }
}
