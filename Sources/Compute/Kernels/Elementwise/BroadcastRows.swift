/// The rows of two operands under NumPy broadcasting. The stride within a row is one, or zero if the operand is
/// broadcast.
@safe struct BroadcastRows<Operand: BitwiseCopyable, Value: BitwiseCopyable> {
    private let loop: StridedLoop
    private let left: UnsafeMutablePointer<Operand>
    private let right: UnsafeMutablePointer<Operand>
    private let result: UnsafeMutablePointer<Value>
    private let isEmpty: Bool

    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has the common shape.
    init(
        _ left: Tensor, _ right: Tensor, of _: Operand.Type, into result: Tensor, of _: Value.Type, _ operation: String
    ) throws(ComputeError) {
        precondition(left.type == right.type, "the operands are of one type")
        try result.shape.require(.broadcast(left.shape, right.shape), for: operation)
        let sizes = result.shape.dimensions
        loop = StridedLoop(
            sizes,
            strides: [
                rowMajorStrides(sizes), StridedLoop.strides(of: left.shape, stretchedTo: sizes),
                StridedLoop.strides(of: right.shape, stretchedTo: sizes),
            ])
        unsafe self.left = try left.source(as: Operand.self)
        unsafe self.right = try right.source(as: Operand.self)
        unsafe self.result = result.target(as: Value.self)
        isEmpty = result.shape.elementCount == 0
    }

    /// Calls the body with the addresses of each row in the operands and in the result.
    @inline(__always)
    func forEachRow(
        _ body: (
            _ count: Int, _ left: UnsafeMutablePointer<Operand>, _ right: UnsafeMutablePointer<Operand>,
            _ result: UnsafeMutablePointer<Value>, _ stretchesLeft: Bool, _ stretchesRight: Bool
        ) -> Void
    ) {
        guard !isEmpty else { return }
        inParallel(loop.rowCount, grain: loop.grain) { rows, _ in
            loop.forEachRow(rows) { offsets in
                // SAFETY: the loop stays inside the result's sizes, and the strides are those of the operands' shapes.
                unsafe body(
                    loop.row.count, left + offsets[1], right + offsets[2], result + offsets[0],
                    loop.row.strides[1] == 0, loop.row.strides[2] == 0)
            }
        }
    }

    @inline(__always)
    func run(_ operation: (Operand, Operand) -> Value) {
        unsafe forEachRow { count, a, b, y, stretchesLeft, stretchesRight in
            if stretchesLeft {
                let value = unsafe a[0]
                for index in 0..<count { unsafe y[index] = operation(value, b[index]) }
            } else if stretchesRight {
                let value = unsafe b[0]
                for index in 0..<count { unsafe y[index] = operation(a[index], value) }
            } else {
                for index in 0..<count { unsafe y[index] = operation(a[index], b[index]) }
            }
        }
    }
}
