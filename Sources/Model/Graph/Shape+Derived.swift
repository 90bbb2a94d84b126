package import Compute

extension Shape {
    /// A shape of sizes that are known to be valid, because they regroup those of an existing shape.
    private init(regrouping sizes: [Int]) { do { self = try Shape(sizes) } catch { preconditionFailure("\(error)") } }

    /// The sizes of `full`, with a size of one on `axes`.
    init(_ full: Shape, keeping axes: [Int]) {
        self.init(regrouping: full.dimensions.enumerated().map { axes.contains($0) ? 1 : $1 })
    }

    /// The shape `[C, 1, ...]`, which broadcasts to `[N, C, ...]` of that rank.
    init(channels: Int, rank: Int) { self.init(regrouping: [channels] + [Int](repeating: 1, count: rank - 2)) }

    /// The shape `[..., K]` as `[rows, K]`.
    package var flattenedToMatrix: Shape {
        let columns = dimensions.last ?? 1
        return Shape(regrouping: [dimensions.dropLast().reduce(1, *), columns])
    }

    /// The shape `[M, ...]` as `[M, columns]`.
    package var unfoldedToMatrix: Shape { Shape(regrouping: [dimensions[0], dimensions.dropFirst().reduce(1, *)]) }

    /// The shape `[M, N]` as `[M, N, 1, ...]` of that rank.
    func withPixels(rank: Int) -> Shape {
        Shape(regrouping: dimensions + [Int](repeating: 1, count: max(0, rank - dimensions.count)))
    }

    /// The same sizes for another number of samples.
    package func withRows(_ count: Int) -> Shape { Shape(regrouping: [count] + dimensions.dropFirst()) }

    /// The sizes `[...]` of `[..., C]`.
    var droppingLast: Shape { Shape(regrouping: Array(dimensions.dropLast())) }

    /// The shape `[count * K, ...]` as `[count, K, ...]`; unchanged if K is one, or not whole.
    package func divided(into count: Int) -> Shape {
        guard rank > 0, count > 0, self[0] > count, self[0].isMultiple(of: count) else { return self }
        return Shape(regrouping: [count, self[0] / count] + dimensions.dropFirst())
    }
}
