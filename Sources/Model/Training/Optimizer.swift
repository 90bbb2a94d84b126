import Compute
import Glibc

/// The rule that updates a parameter by its gradient. The defaults and the arithmetic are PyTorch's.
package enum Optimizer: Sendable, Equatable {
    /// `v = momentum v + g + decay p;  p -= rate v`
    case sgd(momentum: Float, weightDecay: Float)
    /// Decoupled decay: `p -= rate decay p`, then the Adam step.
    case adamW(weightDecay: Float)

    static let (beta1, beta2, epsilon): (Float, Float, Float) = (0.9, 0.999, 1e-8)
}

/// The learning rate over the steps of a training.
package enum Schedule: Sendable, Equatable {
    case constant
    /// A decay from the full rate to zero along half a cosine.
    case cosine

    package func factor(step: Int, of steps: Int) -> Float {
        switch self {
        case .constant: 1
        case .cosine: 0.5 * (1 + cosf(.pi * Float(step) / Float(max(steps, 1))))
        }
    }
}

/// The moments of an optimizer between steps, and the numbers of its next step.
struct OptimizerState {
    let optimizer: Optimizer
    /// `[rate]` for SGD; `[rate, 1 / (1 - beta1^t), 1 / (1 - beta2^t)]` for AdamW.
    let schedule: Tensor
    /// The running means of the gradient of each parameter (and, for AdamW, of its square).
    private(set) var moments: [Int: [Tensor]] = [:]

    init(_ optimizer: Optimizer) throws(ModelError) {
        self.optimizer = optimizer
        schedule =
            switch optimizer {
            case .sgd: try Self.zeros(.scalar)
            case .adamW: try Self.zeros(Self.three)
            }
    }

    private static let three = Shape.scalar.withRows(3)

    private static func zeros(_ shape: Shape) throws(ModelError) -> Tensor {
        try computing { try Tensor(zeros: shape) }
    }

    /// Allocates the moments of a parameter.
    mutating func add(_ index: Int, shape: Shape) throws(ModelError) {
        switch optimizer {
        case .sgd: moments[index] = [try Self.zeros(shape)]
        case .adamW: moments[index] = [try Self.zeros(shape), try Self.zeros(shape)]
        }
    }

    /// The prepared update of an added parameter; `decays` is false for a slope, which has no weight decay.
    func update(_ index: Int, _ parameter: Tensor, _ gradient: Tensor, decays: Bool) throws(ModelError) -> Step {
        guard let moments = moments[index] else { preconditionFailure("the parameter was added") }
        return try computing {
            switch optimizer {
            case .sgd(let momentum, let weightDecay):
                try .sgd(
                    parameter: parameter, gradient: gradient, velocity: moments[0], learningRate: schedule,
                    momentum: momentum, weightDecay: decays ? weightDecay : 0)
            case .adamW(let weightDecay):
                try .adamW(
                    parameter: parameter, gradient: gradient, first: moments[0], second: moments[1],
                    schedule: schedule, beta1: Optimizer.beta1, beta2: Optimizer.beta2, epsilon: Optimizer.epsilon,
                    weightDecay: decays ? weightDecay : 0)
            }
        }
    }

    /// Sets the numbers of the next step, counted from 0.
    func prepare(step: Int, rate: Float) {
        switch optimizer {
        case .sgd:
            schedule.copy(from: [rate])
        case .adamW:
            // In Float64: at beta2 = 0.999 a Float32 power is off in the fourth digit after the first steps.
            let corrections = [Optimizer.beta1, Optimizer.beta2].map { beta in
                var power = 1.0
                for _ in 0...step { power *= Double(beta) }
                return Float(1 / (1 - power))
            }
            schedule.copy(from: [rate] + corrections)
        }
    }
}
