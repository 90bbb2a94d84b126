package import Compute

/// A long work between two steps: everything that the next one depends on, by name.
package struct Checkpoint: Sendable {
    package let step: Int
    /// Of a training, the parameters and what the optimizer remembers of them.
    package let tensors: [String: Tensor]
    /// What was measured on the way.
    package let figures: [String: Double]

    package init(step: Int, tensors: [String: Tensor], figures: [String: Double] = [:]) {
        self.step = step
        self.tensors = tensors
        self.figures = figures
    }
}

/// Where long works leave what they have reached, and find what a process before this one reached, by their names.
///
/// What is found must be what the same work would compute again: whoever keeps it answers for that.
package struct CheckpointKeeper {
    /// The newest that is sound; nil for a work that starts anew.
    package var find: (String) -> Checkpoint?
    /// Takes what a work has reached, and whether that is its end. How often it is worth the time is the keeper's to decide.
    package var offer: (String, _ isEnd: Bool, () -> Checkpoint) -> Void
    /// Told of one that was found and does not fit.
    package var refuse: (String, ModelError) -> Void

    package init(
        find: @escaping (String) -> Checkpoint?, offer: @escaping (String, _ isEnd: Bool, () -> Checkpoint) -> Void,
        refuse: @escaping (String, ModelError) -> Void
    ) {
        self.find = find
        self.offer = offer
        self.refuse = refuse
    }

    /// Keeps nothing.
    package static var none: CheckpointKeeper {
        CheckpointKeeper(find: { _ in nil }, offer: { _, _, _ in }, refuse: { _, _ in })
    }
}
