/// A prepared calculation: its primitives are made and its memory is bound, so that running it allocates nothing.
///
/// The builders are in `Kernels/`, a family of them in a file. Steps over the same memory run one at a time.
package struct Step {
    package let name: String
    package let run: () -> Void

    /// The body works on addresses; `operands` are what keeps those valid.
    init(_ name: String, keeping operands: [Tensor], _ body: @escaping () -> Void) {
        self.name = name
        run = {
            body()
            withExtendedLifetime(operands) {}
        }
    }
}
