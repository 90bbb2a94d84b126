import Compute
import Model

/// Values inside the original network for some samples, kept for the plans that are fitted to them.
struct OriginalValues {
    private var passage: PartialForward
    private var kept: [String: Tensor] = [:]
    private var bytes = 0

    /// True if there is room for the values of all sites.
    let keepsAll: Bool

    /// The maximum memory of kept values; others are computed for each plan.
    static let byteLimit = 1 << 28

    init(of original: Graph, for samples: Dataset, at sites: [Site]) {
        passage = PartialForward(original, [samples])
        keepsAll = Self.byteCount(at: sites, count: samples.count) <= Self.byteLimit
    }

    /// The bytes of the values of all sites for a number of samples.
    static func byteCount(at sites: [Site], count: Int) -> Int {
        let each = sites.reduce(0) { $0 + 4 * $1.rows * $1.widths.output }
        let (bytes, overflow) = each.multipliedReportingOverflow(by: count)
        return overflow ? .max : bytes
    }

    /// The rows of a value.
    ///
    /// - Parameters:
    ///   - name: the name of the value. Values are cheapest in graph order.
    ///   - choose: makes the rows that are needed of the whole value.
    /// - Returns: the rows; nil when the network has no such value.
    /// - Throws: ``ModelError``.
    mutating func rows(
        of name: String, _ choose: (Tensor) throws(ModelError) -> Tensor
    ) throws(ModelError) -> Tensor? {
        if let rows = kept[name] { return rows }
        if passage.rest.value(named: name) == nil { passage.restart() }
        guard let value = passage.rest.value(named: name) else { return nil }
        try passage.advance(to: ValueID(index: value.index + 1), keeping: [value])
        guard let ahead = passage.rest.value(named: name) else { return nil }
        let rows = try choose(passage.rest.outputs(of: [ahead], for: passage.samples[0])[0])
        if bytes + rows.byteCount <= Self.byteLimit {
            kept[name] = rows
            bytes += rows.byteCount
        }
        return rows
    }
}
