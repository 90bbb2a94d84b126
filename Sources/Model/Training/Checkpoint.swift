package import Compute

/// The saved state of a long computation between two steps: everything that the next one depends on, by name.
package struct Checkpoint: Sendable {
    package let step: Int
    /// The saved tensors; for a training the parameters and the optimizer's moments.
    package let tensors: [String: Tensor]
    /// The numbers measured so far.
    package let figures: [String: Double]

    package init(step: Int, tensors: [String: Tensor], figures: [String: Double] = [:]) {
        (self.step, self.tensors, self.figures) = (step, tensors, figures)
    }
}

/// A store of checkpoints by name: a long computation saves its state in it, and finds that of an earlier process.
///
/// A found checkpoint must equal what the same computation would produce again; the store guarantees that.
package struct CheckpointKeeper {
    /// Returns the newest valid checkpoint; nil for a computation that starts anew.
    package var find: (String) -> Checkpoint?
    /// Offers the current state, and whether the computation is complete. The store decides how often it is saved.
    package var offer: (String, _ isEnd: Bool, () -> Checkpoint) -> Void
    /// Reports a checkpoint that was found and does not fit.
    package var reject: (String, ModelError) -> Void

    package init(
        find: @escaping (String) -> Checkpoint?, offer: @escaping (String, _ isEnd: Bool, () -> Checkpoint) -> Void,
        reject: @escaping (String, ModelError) -> Void
    ) {
        (self.find, self.offer, self.reject) = (find, offer, reject)
    }

    /// A store that saves nothing.
    package static var none: CheckpointKeeper {
        CheckpointKeeper(find: { _ in nil }, offer: { _, _, _ in }, reject: { _, _ in })
    }
}
