import COneDNN

/// A sum of products of many rows: tiles are multiplied in Float32, twice as fast as in Float64, and added in Float64.
///
/// N rows, D columns of the left operand, E of the right one. A tile has so few rows that the error of its Float32 sums,
/// about `sqrt(rows / 3)` roundings of 2^-25, stays below a millionth. It is relative to the mean squares of the columns:
/// the caller subtracts what is near their means. Each block of the sum is made by one thread, so that the result is the
/// same for any number of them.
@safe struct MomentTiles {
    private static let tileRows = 512

    let rows: Int
    let left: UnsafeMutablePointer<Float>
    let D: Int
    let right: UnsafeMutablePointer<Float>
    let E: Int
    /// The rows and columns of a block: few enough that its tile stays in the cache, and that small sums have a block
    /// for each thread.
    private let side: Int

    // SAFETY of all: the caller passes N·D and N·E numbers that live longer than this value.
    init(rows: Int, left: UnsafeMutablePointer<Float>, _ D: Int, right: UnsafeMutablePointer<Float>, _ E: Int) {
        (self.rows, self.D, self.E) = (rows, D, E)
        unsafe (self.left, self.right) = (left, right)
        side = min(256, max(64, (max(D, E) / 4 + 15) / 16 * 16))
    }

    /// True when the products outweigh the additions in Float64, which are one for each element and tile.
    static func pay(_ rows: Int, _ D: Int, _ E: Int) -> Bool { rows >= tileRows / 2 && rows * D * E >= 1 << 26 }

    /// Adds the products to sums.
    ///
    /// - `sums`: `[D, E]`
    /// - `isGram`: true to add only the blocks right of the diagonal and on it.
    /// - Throws: ``ComputeError/memory(_:)``; the sums are then unusable.
    func add(to sums: inout [Double], isGram: Bool) throws(ComputeError) {
        var blocks: [(row: Int, column: Int)] = []
        for row in stride(from: 0, to: D, by: side) {
            for column in stride(from: isGram ? row : 0, to: E, by: side) { blocks.append((row, column)) }
        }
        let threads = threadCount
        let tiles = try Tensor.scratch(.of([threads, side * side]))
        var statuses = [dnnl_status_t](repeating: dnnl_success, count: threads)
        // A product inside of a parallel region uses one thread; one outside is told to.
        if blocks.count == 1 { setThreads(1) }
        unsafe sums.withUnsafeMutableBufferPointer { sums in
            unsafe statuses.withUnsafeMutableBufferPointer { statuses in
                guard let sums = sums.baseAddress else { return }
                let tiles = unsafe tiles.target()
                inParallel(blocks.count, grain: 1) { pieces, part in
                    for (row, column) in blocks[pieces] {
                        let tile = unsafe tiles + part * side * side
                        let status = unsafe add(row, column, to: sums, by: tile)
                        if status != dnnl_success { unsafe statuses[part] = status }
                    }
                }
            }
        }
        if blocks.count == 1 { setThreads(threads) }
        withExtendedLifetime(tiles) {}
        for status in statuses { try oneDNN("dnnl_sgemm") { status } }
    }

    /// Adds the block that begins at a row and a column.
    private func add(
        _ row: Int, _ column: Int, to sums: UnsafeMutablePointer<Double>, by tile: UnsafeMutablePointer<Float>
    ) -> dnnl_status_t {
        let (height, width) = (min(side, D - row), min(side, E - column))
        for start in stride(from: 0, to: rows, by: Self.tileRows) {
            // SAFETY: the operands hold rows up to `rows`, of which the block's columns begin at `row` and `column`;
            // the tile holds side·side numbers.
            let status = unsafe dnnl_sgemm(
                CChar(UInt8(ascii: "T")), CChar(UInt8(ascii: "N")), dnnl_dim_t(height), dnnl_dim_t(width),
                dnnl_dim_t(min(Self.tileRows, rows - start)), 1, left + start * D + row, dnnl_dim_t(D),
                right + start * E + column, dnnl_dim_t(E), 0, tile, dnnl_dim_t(width))
            guard status == dnnl_success else { return status }
            for index in 0..<height {
                unsafe Self.add(tile + index * width, to: sums + (row + index) * E + column, width)
            }
        }
        return dnnl_success
    }

    /// A separate function because the compiler vectorises only what cannot be aliased: locals.
    @inline(never)
    private static func add(_ values: UnsafeMutablePointer<Float>, to sums: UnsafeMutablePointer<Double>, _ count: Int)
    {
        for index in 0..<count { unsafe sums[index] += Double(values[index]) }
    }
}
