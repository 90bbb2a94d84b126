/// A prepared calculation: its primitives are made and its memory is bound, so that running it allocates nothing.
///
/// The builders are in `Kernels/`, a family of them in a file. Steps over the same memory run one at a time.
package struct Step {
    package let name: String
    /// Multiplications and additions, where these are what the step is for; 0 where it is the traffic.
    package let operationCount: Int
    /// Bytes of memory that the step reads and writes, each once.
    package let byteCount: Int
    /// What the step needs while it runs, which a plan places; a step that runs outside of one does so itself.
    package let scratch: Scratch?
    package let run: () -> Void

    /// The body works on addresses; `operands` are what keeps those valid.
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
