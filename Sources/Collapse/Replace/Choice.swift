/// A replacement of one site of a network, smaller than what stands there.
package enum Choice: Hashable, Sendable {
    /// An MLP block with so many of its hidden channels.
    case width(Int)
    /// An MLP block with some of its hidden channels beside a linear path of low rank.
    case path(rank: Int, channels: Int)
    /// An MLP block with some of its hidden channels beside a full linear path.
    case partial(channels: Int)
    /// One affine map: the collapse.
    case affine
    /// A linear layer or an embedding as a product of two, with so many features in between.
    case lowRank(Int)

    /// The words for a report.
    package var words: String {
        switch self {
        case .width(let channels): "\(channels) channels"
        case .path(let rank, let channels): "linear path of rank \(rank) beside \(channels) channels"
        case .partial(let channels): "linear layer beside \(channels) channels"
        case .affine: "one linear layer"
        case .lowRank(let rank): "rank \(rank)"
        }
    }

    /// The name of its kind, in a report and in the option `replacements`.
    ///
    /// - Parameter isTable: whether it replaces a table of embeddings.
    /// - Returns: the name.
    func family(ofTable isTable: Bool) -> String {
        switch self {
        case .width: "width"
        case .path, .partial: "path"
        case .affine: "affine"
        case .lowRank: isTable ? "embedding" : "low_rank"
        }
    }

    /// The number of features of its linear path or between its two products; nil without either.
    package var rank: Int? {
        switch self {
        case .path(let rank, _), .lowRank(let rank): rank
        case .width, .partial, .affine: nil
        }
    }

    /// The number of hidden channels that are kept; nil without any.
    package var channels: Int? {
        switch self {
        case .width(let channels), .path(_, let channels), .partial(let channels): channels
        case .affine, .lowRank: nil
        }
    }

    /// The path from the site's input to its output without an activation.
    var path: SiteSolver.Path {
        switch self {
        case .width: .none
        case .path(let rank, _), .lowRank(let rank): .rank(rank)
        case .partial, .affine: .full
        }
    }

    var hasLinearPath: Bool { if case .width = self { false } else { true } }
}

/// The parameters and multiply-adds of a site or of what replaces it.
package struct Size: Hashable, Sendable {
    package var parameters: Int
    /// Multiply-adds per sample.
    package var macs: Int
    /// The time of its products in a run, in nanoseconds; 0 unless it was measured.
    var nanoseconds = 0

    package init(parameters: Int, macs: Int) { (self.parameters, self.macs) = (parameters, macs) }

    static func - (left: Size, right: Size) -> Size {
        Size(parameters: left.parameters - right.parameters, macs: left.macs - right.macs)
    }
}
