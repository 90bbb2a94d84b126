import Testing

@testable import Compute

private let gradients: [[Float]] = [[0.1, -0.2, 3], [0.3, 0.1, -1], [-0.5, 0, 2]]

/// The numbers are those of torch.optim.AdamW(lr=0.1, weight_decay=0.01) in PyTorch 2.
@Test func `three steps of AdamW are those of PyTorch`() throws {
    let expected = [
        [0.899, -1.898, 0.3995], [0.8063229, -1.869468, 0.3590786], [0.8216079, -1.847011, 0.2984109],
    ]
    let (parameter, gradient) = try (tensor([1, -2, 0.5], [3]), zeros([3]))
    let (first, second, schedule) = try (zeros([3]), zeros([3]), zeros([3]))
    let step = try Step.adamW(
        parameter: parameter, gradient: gradient, first: first, second: second, schedule: schedule,
        beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01)
    var powers = (1.0, 1.0)
    for (values, expected) in zip(gradients, expected) {
        gradient.copy(from: values)
        powers = (powers.0 * 0.9, powers.1 * 0.999)
        schedule.copy(from: [0.1, Float(1 / (1 - powers.0)), Float(1 / (1 - powers.1))])
        step.run()
        expectClose(parameter.floats, expected, within: 2e-6)
    }
}

/// The numbers are those of torch.optim.SGD(lr=0.1, momentum=0.9, weight_decay=0.01) in PyTorch 2.
@Test func `three steps of gradient descent are those of PyTorch`() throws {
    let expected = [
        [0.989, -1.978, 0.1995], [0.948111, -1.966222, 0.02885047], [0.9603628, -1.953656, -0.3247629],
    ]
    let (parameter, gradient, velocity) = try (tensor([1, -2, 0.5], [3]), zeros([3]), zeros([3]))
    let step = try Step.sgd(
        parameter: parameter, gradient: gradient, velocity: velocity, learningRate: tensor([0.1], []), momentum: 0.9,
        weightDecay: 0.01)
    for (values, expected) in zip(gradients, expected) {
        gradient.copy(from: values)
        step.run()
        expectClose(parameter.floats, expected, within: 1e-6)
    }
}
