package import Compute

/// A training between two steps: parameters and what the optimizer remembers of them, by name.
package struct Checkpoint: Sendable {
    package let step: Int
    package let tensors: [String: Tensor]

    package init(step: Int, tensors: [String: Tensor]) {
        self.step = step
        self.tensors = tensors
    }
}
