import Compute
import Model

// P planes (a channel of a sample), E elements of a plane, W windows over one, K positions under a window.
extension ONNXLowering {
    /// The second result of `MaxPool`: the index, in the whole operand, of the largest element under each window. Few
    /// graphs read it; those pay for a copy of all elements under all windows.
    ///
    /// - SeeAlso: onnx/Operators.md#MaxPool
    mutating func largestPlaces(_ node: NodeView, _ window: Window) throws(FormatError) -> ValueID {
        let x = try shape(node, 0)
        let result = graph.shape(try operand(try node.output()))
        let sizes = Array(x.dimensions.dropFirst(2))
        let (planes, elements) = (x[0] * x[1], sizes.reduce(1, *))
        let counts = Array(result.dimensions.dropFirst(2))
        let all = (counts + window.kernel).reduce(1.0) { $0 * Double($1) }
        guard max(all, Double(planes)) <= Double(Self.placesLimit) else {
            throw .tooLarge("node \(node.description): there are too many windows to tell where each is the largest")
        }
        let places = Self.places(under: window, counts, sizes, byColumn: node.flag("storage_order"))
        let (windows, taps) = (counts.reduce(1, *), window.kernel.reduce(1, *))

        // One extra element of each plane represents everything outside.
        let rows = try reshaped(try operand(node, 0), [planes, elements], node)
        let edged = try emit(
            .pad(.constant, before: [0, 0], after: [0, 1]), [rows, try factor(-.infinity, node)], node)
        let read = try numbers(places.map { Int64($0?.read ?? elements) }, [windows * taps], node)
        let seen = try reshaped(try emit(.gather(axis: 1), [edged, read], node), [planes, windows, taps], node)
        let largest = try emit(.extreme(.maximum, axis: 2, keepsAxis: false, takesLast: false), [seen], node)
        let firsts = try numbers((0..<windows).map { Int64($0 * taps) }, [windows], node)
        let written = try numbers(places.map { Int64($0?.written ?? 0) }, [windows * taps], node)
        let inPlane = try emit(
            .gather(axis: 0), [written, try emit(.binary(.add), [largest, firsts], node)], node)
        let starts = try numbers((0..<planes).map { Int64($0 * elements) }, [planes, 1], node)
        return try reshaped(try emit(.binary(.add), [inPlane, starts], node), result.dimensions, node)
    }

    private static let placesLimit = 1 << 24

    private mutating func numbers(
        _ values: [Int64], _ sizes: [Int], _ node: NodeView
    ) throws(FormatError) -> ValueID {
        try emit(.constant(try node.tensor(values, sizes)), [], node)
    }

    /// The element of the plane at each position under each window: its offset in memory, and the index that the
    /// operator gives it. Nil outside.
    ///
    /// - Returns: `[W, K]`
    private static func places(
        under window: Window, _ counts: [Int], _ sizes: [Int], byColumn: Bool
    ) -> [(read: Int, written: Int)?] {
        var places: [(read: Int, written: Int)?] = []
        for corner in Self.indices(counts) {
            for tap in Self.indices(window.kernel) {
                let place = sizes.indices.map { axis in
                    corner[axis] * window.strides[axis] - window.padsBegin[axis] + tap[axis] * window.dilations[axis]
                }
                guard zip(place, sizes).allSatisfy({ $0 >= 0 && $0 < $1 }) else {
                    places.append(nil)
                    continue
                }
                let read = zip(place, sizes).reduce(0) { $0 * $1.1 + $1.0 }
                let written = zip(place, sizes).reversed().reduce(0) { $0 * $1.1 + $1.0 }
                places.append((read, byColumn ? written : read))
            }
        }
        return places
    }

    /// All indices of a shape, the last axis varying fastest.
    private static func indices(_ sizes: [Int]) -> [[Int]] {
        sizes.reduce([[]]) { heads, size in heads.flatMap { head in (0..<size).map { head + [$0] } } }
    }
}
