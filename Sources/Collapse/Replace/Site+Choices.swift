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
        switch kind {
        case .block(let block):
            func channels(_ shares: [Double]) -> [Int] { shares.map { max(1, Int($0 * Double(block.hidden))) } }
            if block.canBeNarrowed(in: graph) {
                let rank = max(2, min(block.inFeatures, block.hidden) / Grid.pathRank)
                all += channels(Grid.width).map(Choice.width)
                // A path of as many features as there are outputs is the full layer.
                if rank < block.out { all += channels(Grid.path).map { .path(rank: rank, channels: $0) } }
                all += channels(Grid.partial).map(Choice.partial)
            }
            all.append(.affine)
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
        case .layer(let layer):
            return Size(parameters: layer.parameterCount, macs: rows * layer.inFeatures * layer.outFeatures)
        case .table(let table): return Size(parameters: table.entries * table.features, macs: 0)
        }
    }

    /// The size of a replacement.
    func size(of choice: Choice, in graph: Graph) -> Size {
        let (d, _, o) = widths
        var (weights, biases) = (0, o)
        switch choice {
        case .width(let k): (weights, biases) = (k * (d + o), k + o)
        case .path(let rank, let k): (weights, biases) = (k * (d + o) + rank * (d + o), k + o)
        case .partial(let k): (weights, biases) = (k * (d + o) + d * o, k + o)
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
}
