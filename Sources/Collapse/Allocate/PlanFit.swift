import Compute
import Model

/// Fits the replacements of a plan one behind the other: each to what the original residual stream needs behind those
/// that stand before it (error feedback), so that it also corrects their errors.
///
/// - SeeAlso: arXiv:2602.05243
struct PlanFit {
    let original: Graph
    let samples: Samples
    let heldOut: HeldOut
    let table: DamageTable

    /// Fits a plan and measures the network.
    ///
    /// - Parameter plan: a choice for each site to replace.
    /// - Returns: the point.
    /// - Throws: ``ModelError``.
    func point(_ plan: SitePlan) throws(ModelError) -> ParetoPoint {
        var graph = original
        var now = PartialForward(original, [samples.calibration, heldOut.samples])
        var before = now
        for entry in table.entries {
            guard let choice = plan[entry.site], let site = Sites(in: graph)[entry.site] else { continue }
            if let place = Sites(in: now.rest)[entry.site]?.start { try now.advance(to: place) }
            guard let ahead = Sites(in: now.rest)[entry.site] else {
                throw .rewrite(value: site.name, reason: "it is not what it was in the rest of the network")
            }
            let cut = try fit(choice, ahead, entry, now, &before)
            try now.replace(cut.rewrites(ahead, in: now.rest))
            graph = try graph.replacing(cut.rewrites(site, in: graph))
        }
        now.dropFirstSamples()
        return ParetoPoint(graph, plan: plan, try heldOut.measured(now.rest, on: now.samples[0]))
    }

    private func fit(
        _ choice: Choice, _ site: Site, _ entry: DamageTable.Entry, _ now: PartialForward,
        _ before: inout PartialForward
    ) throws(ModelError) -> Cut {
        if case .table(let table) = site.kind, case .lowRank(let rank) = choice {
            let counts = try EntryCounts(site, in: original, on: samples.training).counts
            return try Cut(rank: rank, of: table, in: now.rest, counts: counts)
        }
        let channels = entry.channels(of: choice)
        let moments = try SiteMoments(
            of: site, in: now.rest, original: original, channels: channels,
            withLinearPath: choice.hasLinearPath || choice.channels == nil)
        if let name = moments.targetName {
            if before.rest.value(named: name) == nil { before.restart() }
            if let ahead = before.rest.value(named: name) {
                try before.advance(to: ValueID(index: ahead.index + 1), keeping: [ahead])
            }
        }
        var found: [Covariances] = []
        for index in now.samples.indices {
            found.append(
                try moments.behindReplaced(
                    on: now.samples[index], given: now.given[index], before.rest, wanted: before.samples[index]))
        }
        return try Cut(
            choice, of: site, in: now.rest, channels: channels, fit: found[0], heldOut: found[1],
            places: Array(channels.indices))
    }
}
