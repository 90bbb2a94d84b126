import Compute
import Model

/// Fits the replacements of a plan one behind the other: each to what the original residual stream needs behind those
/// that stand before it (error feedback), so that it also corrects their errors.
///
/// - SeeAlso: arXiv:2602.05243
struct PlanFit {
    private let original: Graph
    private let samples: Samples
    private let heldOut: HeldOut
    private let table: DamageTable
    /// The directions of each table of embeddings.
    private let spectra: [BlockID: TableSpectrum]
    private let keeper: CheckpointKeeper
    /// The values of the calibration samples and of the deciding ones.
    private var originals: [OriginalValues]
    /// Tables do not depend on what else is replaced: the points share them.
    private var tables: [BlockID: [Int: Cut]] = [:]

    init(
        of original: Graph, _ samples: Samples, _ heldOut: HeldOut, _ table: DamageTable,
        _ spectra: [BlockID: TableSpectrum], _ keeper: CheckpointKeeper
    ) {
        (self.original, self.samples, self.heldOut, self.table) = (original, samples, heldOut, table)
        (self.spectra, self.keeper) = (spectra, keeper)
        let sites = Sites(in: original).found
        originals = [samples.calibration, heldOut.samples].map { OriginalValues(of: original, for: $0, at: sites) }
    }

    /// The name under which the fit of a plan is kept: the same in every search of these sites.
    func work(of plan: SitePlan) -> String {
        // FNV-1a. Two plans of one name would be told apart by their choices.
        let hash = numbers(of: plan).reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64(bitPattern: $1)) &* 0x100_0000_01B3
        }
        return "\(Self.workPrefix)\(String(hash, radix: 36))"
    }

    /// The beginning of the names of all fits.
    static let workPrefix = "point-"

    /// The choice of each site.
    private func numbers(of plan: SitePlan) -> [Int64] {
        table.entries.flatMap { plan[$0.site]?.encoded ?? [-1, -1, -1] }
    }

    /// Fits a plan and measures the network.
    ///
    /// - Parameters:
    ///   - plan: a choice for each site to replace.
    ///   - work: the name under which the fitted replacements are kept.
    ///   - kept: what an earlier process kept under that name: the replacements, and the outputs unless they are large.
    /// - Returns: the point.
    /// - Throws: ``ModelError``.
    mutating func point(_ plan: SitePlan, as work: String, keptBefore kept: Checkpoint?) throws(ModelError)
        -> ParetoPoint
    {
        var graph = original
        // The choice of each site, by which a checkpoint of another plan is told.
        let choices = try computing {
            let numbers = numbers(of: plan)
            return try Tensor(numbers, Shape([numbers.count]))
        }
        var known = kept?.tensors ?? [:]
        if let kept, kept.tensors[Self.plan]?.int64Numbers != choices.int64s {
            keeper.reject(work, .data(input: "checkpoint", reason: "it is of another plan"))
            known = [:]
        }
        var (tensors, isKnown) = ([Self.plan: choices], true)
        var passages = [samples.calibration, heldOut.samples].map { PartialForward(original, [$0]) }
        for (index, entry) in table.entries.enumerated() {
            guard let choice = plan[entry.site], let site = Sites(in: graph)[entry.site] else { continue }
            let cut =
                if let cut = Cut("\(index).", decoding: known) { cut } else {
                    try fit(choice, site, in: graph, entry, &passages)
                }
            isKnown = isKnown && known["\(index).form"] != nil
            tensors.merge(try cut.encoded("\(index).")) { first, _ in first }
            for place in passages.indices {
                if let site = Sites(in: passages[place].rest)[entry.site] {
                    try passages[place].replace(cut.rewrites(site, in: passages[place].rest))
                }
            }
            graph = try graph.replacing(cut.rewrites(site, in: graph))
        }
        if isKnown, let outputs = heldOut.outputs(in: known, named: Self.output) {
            return ParetoPoint(graph, plan: plan, heldOut.measured(outputs))
        }
        // From the start and not from where a fit has come, so that another process measures the same to the last bit.
        let outputs = try heldOut.outputs(of: graph)
        let isSmall = outputs.reduce(0, { $0 + $1.byteCount }) <= Self.keptOutputBytes
        for (index, output) in outputs.enumerated() where isSmall { tensors["\(Self.output)\(index)"] = output }
        if isSmall || !isKnown { keeper.offer(work, true) { Checkpoint(step: 1, tensors: tensors) } }
        return ParetoPoint(graph, plan: plan, heldOut.measured(outputs))
    }

    /// The name of the tensor with the choices.
    private static let plan = "plan"
    /// The beginning of the names of the outputs.
    private static let output = "output."
    /// The most bytes of outputs that are kept: running the network again takes less time than reading more.
    private static let keptOutputBytes = 16 << 20

    private mutating func fit(
        _ choice: Choice, _ site: Site, in graph: Graph, _ entry: DamageTable.Entry, _ passages: inout [PartialForward]
    ) throws(ModelError) -> Cut {
        if let spectrum = spectra[site.id], case .lowRank(let rank) = choice {
            if let known = tables[site.id]?[rank] { return known }
            let cut = try Cut(rank: rank, of: spectrum)
            tables[site.id, default: [:]][rank] = cut
            return cut
        }
        let channels = entry.channels(of: choice)
        func gathered(_ index: Int) throws(ModelError) -> Covariances {
            guard let ahead = try passages[index].reach(site.id) else {
                throw .rewrite(value: site.name, reason: "it is not what it was in the rest of the network")
            }
            return try SiteMoments(
                of: ahead, in: passages[index].rest, original: original, channels: channels,
                withLinearPath: choice.hasLinearPath
            ).behindReplaced(on: passages[index].samples[0], given: passages[index].given[0], &originals[index])
        }
        let covariances = try gathered(0)
        let judges = covariances.isScarce ? try gathered(1) : nil
        var solver = try site.solver(
            covariances, judges, channels: channels, places: Array(channels.indices), in: graph)
        return try Cut(choice, of: site, in: graph, channels: channels, solver: &solver)
    }
}

extension PartialForward {
    /// Computes everything before a site.
    ///
    /// - Returns: the site in the rest; nil if it is not there.
    mutating func reach(_ id: BlockID) throws(ModelError) -> Site? {
        if let place = Sites(in: rest)[id]?.start { try advance(to: place) }
        return Sites(in: rest)[id]
    }
}

extension Tensor {
    /// The numbers of a tensor of int64; nil for another.
    fileprivate var int64Numbers: [Int64]? { type == .int64 ? int64s : nil }
}
