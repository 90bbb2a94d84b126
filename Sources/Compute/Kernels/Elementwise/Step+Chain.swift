extension Step {
    /// Computes a chain of float32 operands; `result` may be the same view as an operand of its shape.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has the common shape.
    package static func chain(
        _ chain: ElementChain, _ operands: [Tensor], into result: Tensor
    ) throws(ComputeError) -> Step {
        let name = chain.operations.map(\.name).joined(separator: ", ")
        var shape = Shape.scalar
        for operand in operands { shape = try .broadcast(shape, operand.shape) }
        try result.shape.require(shape, for: name)
        let scratch = Scratch()
        let loop = try ChainLoop(chain, operands, result, scratch)
        return Step(name, keeping: operands + [result], scratch: scratch, loop.run)
    }
}

extension ElementChain {
    /// The number of elements processed together: tiles of that size for all operations fit into the first-level cache.
    fileprivate static let tile = 512

    /// The number of tiles: one per operand, in case it is broadcast, and one per result but the last.
    fileprivate func tileCount(operands: Int) -> Int { operands + operations.count - 1 }

    /// The bytes of scratch memory that the kernel needs.
    package func scratchByteCount(operands: Int) -> Int {
        threadCount * tileCount(operands: operands) * Self.tile * ElementType.float32.byteCount
    }
}

/// A tiled loop over the rows of a result and of the operands broadcast to it.
///
/// A class because it has identity: the address of its tiles is set later.
@safe private final class ChainLoop {
    private let chain: ElementChain
    private let loop: StridedLoop
    private let operands: [UnsafeMutablePointer<Float>]
    private let tileCount: Int
    private let result: UnsafeMutablePointer<Float>
    private let isEmpty: Bool
    private var tiles: UnsafeMutablePointer<Float>?

    init(_ chain: ElementChain, _ operands: [Tensor], _ result: Tensor, _ scratch: Scratch) throws(ComputeError) {
        precondition(operands.count <= ElementChain.operandLimit, "a loop has so many strides")
        let sizes = result.shape.dimensions
        self.chain = chain
        loop = StridedLoop(
            sizes,
            strides: [rowMajorStrides(sizes)] + operands.map { StridedLoop.strides(of: $0.shape, stretchedTo: sizes) })
        var addresses: [UnsafeMutablePointer<Float>] = unsafe []
        for operand in operands { try unsafe addresses.append(operand.source()) }
        unsafe self.operands = addresses
        unsafe self.result = result.target()
        isEmpty = result.shape.elementCount == 0
        tileCount = chain.tileCount(operands: operands.count)
        let room = try Shape.of([threadCount, tileCount, ElementChain.tile])
        scratch.reserve(chain.scratchByteCount(operands: operands.count)) { storage, offset in
            unsafe self.tiles = Tensor(.float32, room, in: storage, byteOffset: offset).target()
        }
    }

    func run() {
        guard !isEmpty, let tiles = unsafe tiles else { return }
        let (row, tile) = (loop.row.count, ElementChain.tile)
        let tilesPerRow = (row + tile - 1) / tile
        inParallel(loop.rowCount * tilesPerRow, grain: max(1, manyElements / min(row, tile))) { pieces, part in
            let own = unsafe tiles + part * tileCount * tile
            for piece in pieces {
                let (index, place) = piece.quotientAndRemainder(dividingBy: tilesPerRow)
                let start = place * tile
                loop.forEachRow(index..<index + 1) { offsets in
                    unsafe run(offsets, from: start, count: min(tile, row - start), own)
                }
            }
        }
    }

    // SAFETY: the loop stays inside the result's sizes, the strides are those of the operands' shapes, and `tiles` has
    // room for `tileCount` tiles.
    private func run(_ offsets: SIMD8<Int>, from start: Int, count: Int, _ tiles: UnsafeMutablePointer<Float>) {
        for index in unsafe operands.indices where loop.row.strides[index + 1] == 0 {
            let value = unsafe operands[index][offsets[index + 1]]
            unsafe (tiles + index * ElementChain.tile).update(repeating: value, count: count)
        }
        func address(_ source: ElementChain.Source) -> UnsafeMutablePointer<Float> {
            switch source {
            case .operand(let index) where loop.row.strides[index + 1] != 0:
                unsafe operands[index] + offsets[index + 1] + start
            case .operand(let index): unsafe tiles + index * ElementChain.tile
            case .result(let index): unsafe tiles + (operands.count + index) * ElementChain.tile
            }
        }
        let last = chain.operations.count - 1
        for (index, operation) in chain.operations.enumerated() {
            let target = unsafe index == last ? result + offsets[0] + start : address(.result(index))
            switch operation {
            case .unary(let kind, let x):
                unsafe ElementLoop(address(x), address(x), target, count: count).run(kind)
            case .unaryGradient(let kind, let x, let dy):
                unsafe ElementLoop(address(x), address(dy), target, count: count).runBackward(kind)
            case .binary(let kind, let left, let right):
                unsafe ElementLoop(address(left), address(right), target, count: count).run(kind)
            }
        }
    }
}
