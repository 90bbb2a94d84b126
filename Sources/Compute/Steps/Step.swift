/// A prepared computation: its primitives are created and its memory is bound, so that running it allocates nothing.
///
/// The builders are in `Kernels/`, one family per file. Steps over the same memory run one at a time.
package struct Step {
    package let name: String
    /// The number of multiplications and additions of a compute-bound step; 0 for one bound by memory traffic.
    package let operationCount: Int
    /// The bytes of memory that the step reads and writes, each counted once.
    package let byteCount: Int
    /// The step's scratch memory, placed by a plan; a step that runs outside of a plan places it itself.
    package let scratch: Scratch?
    package let run: () -> Void

    /// Creates a step whose body works on addresses, which `operands` keep valid.
    init(
        _ name: String, keeping operands: [Tensor], scratch: Scratch? = nil, operations: Int = 0,
        _ body: @escaping () -> Void
    ) {
        self.name = name
        operationCount = operations
        byteCount = operands.reduce(0) { $0 + $1.byteCount }
        self.scratch = scratch
        run = {
            scratch?.placeAlone()
            body()
            withExtendedLifetime(operands) {}
        }
    }
}
