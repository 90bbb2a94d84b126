import Glibc
import Model

/// The replacements of each site of a network, with what each costs alone.
struct DamageTable {
    /// A replacement of a site.
    struct Row {
        let choice: Choice
        var size: Size
        /// The damage of the network's outputs when this site alone is replaced, measured, or estimated from `error`.
        var damage: Double
        /// The mean square error of the site's output, on held-out samples.
        let error: Double
        let r2: Double
    }

    /// A site with its replacements, the largest first.
    struct Entry {
        let site: BlockID
        var before: Size
        /// The channels in the order of their removal, without and beside a linear path; nil where no choice needs them.
        let orders: (width: ChannelOrder?, path: ChannelOrder?)
        var rows: [Row]

        /// True if the site may become one linear layer.
        var hasCollapse: Bool { rows.contains { $0.choice == .affine } }

        /// The kept channels of a choice, ascending.
        func channels(of choice: Choice) -> [Int] {
            guard let count = choice.channels else { return [] }
            let order = choice.hasLinearPath ? orders.path : orders.width
            return order?.best(count) ?? []
        }
    }

    /// The sites in graph order.
    var entries: [Entry] = []

    subscript(site: BlockID) -> Entry? { entries.first { $0.site == site } }
}

extension [DamageTable.Row] {
    /// Fills in the damages that were not measured: damage follows from the error of the site's output along a line between
    /// the measured points on logarithmic axes, and in proportion beyond them.
    mutating func interpolate(from measured: Set<Int>) {
        let known = measured.map { (error: log(self[$0].error), damage: log(Swift.max(self[$0].damage, 1e-12))) }
            .sorted { $0.error < $1.error }
        guard let first = known.first, let last = known.last else { return }
        for index in indices where !measured.contains(index) {
            let error = log(self[index].error)
            let value: Double
            if error <= first.error {
                value = first.damage + error - first.error
            } else if error >= last.error {
                value = last.damage + error - last.error
            } else {
                let right = known.firstIndex { $0.error >= error } ?? known.count - 1
                let (a, b) = (known[right - 1], known[right])
                value = a.damage + (b.damage - a.damage) * (error - a.error) / Swift.max(b.error - a.error, 1e-12)
            }
            self[index].damage = exp(value)
        }
    }
}

private func log(_ value: Double) -> Double { Glibc.log(Swift.max(value, 1e-300)) }
