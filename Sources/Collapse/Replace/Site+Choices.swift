import Model
import Options

extension Site {
    /// The shares of the hidden channels that replacements keep.
    private enum Grid {
        static let width = [0.875, 0.75, 0.625, 0.5, 0.375, 0.25]
        static let path = [0.75, 0.625, 0.5, 0.375, 0.25, 0.1875, 0.125, 0.0625, 0.03125]
        static let partial = [0.25, 0.125, 0.0625]
        /// The shares of the features that a product of low rank keeps.
        static let rank: [Double] = [3 / 4, 2 / 3, 1 / 2, 3 / 8, 1 / 4, 1 / 8]
        /// The rank of a linear path, as a share of the block's input.
        static let pathRank = 8
    }

    /// The replacements that may stand here, each smaller than the site, the largest first.
    ///
    /// - Parameters:
    ///   - graph: the graph of the site.
    ///   - families: the kinds of replacement that may be used; nil for all.
    /// - Returns: the choices; none for a site that nothing smaller can replace.
    func choices(in graph: Graph, families: Set<String>?) -> [Choice] {
        var all: [Choice] = []
        let (input, hidden, output) = widths
        func narrowed() -> [Choice] {
            func channels(_ shares: [Double]) -> [Int] { shares.map { max(1, Int($0 * Double(hidden))) } }
            let rank = max(2, min(input, hidden) / Grid.pathRank)
            // A path of as many features as there are outputs is the full layer.
            let paths = rank < output ? channels(Grid.path).map { Choice.path(rank: rank, channels: $0) } : []
            return channels(Grid.width).map(Choice.width) + paths + channels(Grid.partial).map(Choice.partial)
        }
        switch kind {
        case .block(let block): all = (block.canBeNarrowed(in: graph) ? narrowed() : []) + [.affine]
        case .gated: all = narrowed() + [.affine]
        case .region: all = [.affine]
        case .layer(let layer):
            let features = Double(min(layer.inFeatures, layer.outFeatures))
            all = Grid.rank.map { .lowRank(max(1, Int($0 * features))) }
        case .table(let table): all = Grid.rank.map { .lowRank(max(1, Int($0 * Double(table.features)))) }
        }
        let before = size(in: graph)
        return Set(all.filter { families?.contains($0.family(ofTable: isTable)) ?? true })
            .filter {
                size(of: $0, in: graph).parameters < before.parameters
                    && size(of: $0, in: graph).macs <= macsLimit(before)
            }
            .sorted { (size(of: $0, in: graph).parameters, $0.words) > (size(of: $1, in: graph).parameters, $1.words) }
    }

    /// The multiply-adds that a replacement may have. A table has none, and may get some for what it saves in memory.
    private func macsLimit(_ before: Size) -> Int {
        isTable ? .max : before.macs
    }

    /// The size of the site as it is.
    func size(in graph: Graph) -> Size {
        switch kind {
        case .block(let block):
            let profit = Profit(block, in: graph)
            return Size(parameters: profit.parametersBefore, macs: profit.macsBefore)
        case .gated, .region:
            return Size(parameters: region?.parameterCount ?? 0, macs: rows * (region?.macs ?? 0))
        case .layer(let layer):
            return Size(parameters: layer.parameterCount, macs: rows * layer.inFeatures * layer.outFeatures)
        case .table(let table): return Size(parameters: table.entries * table.features, macs: 0)
        }
    }

    /// The size of a replacement.
    func size(of choice: Choice, in graph: Graph) -> Size {
        let (d, _, o) = widths
        var (weights, biases) = (0, o)
        if let k = choice.channels { (weights, biases) = (k * (layersBefore * d + o), k * biasesBefore + o) }
        switch choice {
        case .width: break
        case .path(let rank, _): weights += rank * (d + o)
        case .partial: weights += d * o
        case .affine: weights = d * o
        case .lowRank(let rank):
            if isTable {
                return Size(parameters: rank * (d + o) + o, macs: rows * rank * o)
            }
            weights = rank * (d + o)
        }
        if let block, choice.channels != nil {
            biases += block.slopeCount(in: graph)
        }
        return Size(parameters: weights + biases, macs: rows * weights)
    }

    /// The number of layers that compute a feature for each channel.
    var layersBefore: Int { if case .gated(let gated) = kind { gated.sources.count } else { 1 } }

    /// The number of those with a bias.
    private var biasesBefore: Int {
        if case .gated(let gated) = kind { gated.sources.count { $0.layer.bias != nil } } else { 1 }
    }
}
