import Model
import Options

/// The limits that the user sets on the size of the network, and the cost in which they are counted.
struct SizeLimit {
    /// One limit: at most `most` of a cost.
    private struct Bound {
        let option: String
        let most: Int
        let cost: (Graph) throws(ModelError) -> Int
    }

    private let bounds: [Bound]
    /// The cost that replacements are chosen by: multiply-adds or time where nothing else is limited.
    private enum Currency { case parameters, macs, time }

    private let currency: Currency
    private let timer: RunTimer
    private let parametersBefore: Int

    /// - Parameters:
    ///   - options: the user's limits.
    ///   - original: the network before anything was replaced.
    ///   - parametersBefore: the parameters before exact merges too.
    ///   - timer: measures the time of a run.
    ///   - byteCount: the size of the file that a graph is written as.
    init(
        _ options: JobOptions, _ original: Graph, parametersBefore: Int, timer: RunTimer,
        byteCount: @escaping (Graph) throws(ModelError) -> Int
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
        if let most = options.maxLatencyMs {
            // Longer than a century is no limit.
            let nanoseconds = Int(min(most * 1e6, 1e18))
            bounds.append(
                Bound(option: "max_latency_ms", most: nanoseconds) { graph throws(ModelError) in
                    try timer.nanoseconds(of: graph)
                })
        }
        self.bounds = bounds
        self.timer = timer
        currency =
            bounds.count > 1
            ? .parameters : options.maxMacs != nil ? .macs : options.maxLatencyMs != nil ? .time : .parameters
    }

    var isSet: Bool { !bounds.isEmpty }

    /// The cost of a site or a replacement, by which plans are ordered.
    func cost(_ size: Size) -> Int {
        switch currency {
        case .parameters: size.parameters
        case .macs: size.macs
        case .time: size.nanoseconds
        }
    }

    /// The cost of a network.
    func cost(_ graph: Graph) throws(ModelError) -> Int {
        switch currency {
        case .parameters: graph.parameterCount
        case .macs: graph.macs
        case .time: try timer.nanoseconds(of: graph)
        }
    }

    /// True where sizes need the time that they take.
    var countsTime: Bool { currency == .time }

    /// True where a network must keep to a time, whatever else is limited.
    var limitsTime: Bool { bounds.contains { $0.option == "max_latency_ms" } }

    /// Measures the times of a table's replacements.
    ///
    /// - Parameters:
    ///   - table: the table; receives the times.
    ///   - sites: its sites.
    ///   - batchSize: the number of samples of a run.
    /// - Throws: ``ModelError`` when there is no memory.
    func time(_ table: inout DamageTable, of sites: [Site], batchSize: Int) throws(ModelError) {
        func time(_ site: Site, _ choice: Choice?) throws(ModelError) -> Int {
            var sum = 0
            for product in site.products(of: choice, batchSize: batchSize) { sum += try timer.nanoseconds(of: product) }
            return sum
        }
        for index in table.entries.indices {
            guard let site = sites.first(where: { $0.id == table.entries[index].site }) else { continue }
            table.entries[index].before.nanoseconds = try time(site, nil)
            for row in table.entries[index].rows.indices {
                let choice = table.entries[index].rows[row].choice
                table.entries[index].rows[row].size.nanoseconds = try time(site, choice)
            }
        }
    }

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
                switch bound.option {
                case "compression_ratio": Double(parametersBefore) / Double(max(1, found))
                case "max_latency_ms": Double(found) / 1e6
                default: Double(found)
                }
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
            case "max_macs": if currency == .macs { targets.append(bound.most) }
            case "max_latency_ms": if currency == .time { targets.append(bound.most) }
            default: targets.append(bound.most)
            }
        }
        if targets.isEmpty, let excess = try excess(of: original) {
            return Int(Double(original.parameterCount) / excess)
        }
        return targets.min()
    }
}
