extension Step {
    /// Gradient descent with momentum: `v = momentum * v + g + weightDecay * p; p -= rate * v`.
    ///
    /// - `learningRate`: its first element is the rate, read at each run
    /// - Throws: ``ComputeError/shape(_:)`` unless the other three have one shape.
    /// - SeeAlso: torch.optim.SGD with dampening 0
    package static func sgd(
        parameter: Tensor, gradient: Tensor, velocity: Tensor, learningRate: Tensor, momentum: Float,
        weightDecay: Float
    ) throws(ComputeError) -> Step {
        for other in [gradient, velocity] { try other.shape.require(parameter.shape, for: "sgd") }
        precondition(learningRate.shape.elementCount > 0, "there is a learning rate")
        let (p, g, v) = try unsafe (parameter.target(), gradient.source(), velocity.target())
        let rate = try unsafe learningRate.source()
        let count = parameter.shape.elementCount
        return Step("sgd", keeping: [parameter, gradient, velocity, learningRate]) {
            let rate = unsafe rate[0]
            inParallel(count, grain: manyElements) { elements, _ in
                // SAFETY: the three tensors hold `count` elements.
                unsafe descend(elements, p, g, v, rate: rate, momentum: momentum, weightDecay: weightDecay)
            }
        }
    }

    /// Updates a range of elements. A separate function because the compiler vectorises only what cannot be aliased:
    /// locals.
    @inline(never)
    private static func descend(
        _ elements: Range<Int>, _ p: UnsafeMutablePointer<Float>, _ g: UnsafeMutablePointer<Float>,
        _ v: UnsafeMutablePointer<Float>, rate: Float, momentum: Float, weightDecay: Float
    ) {
        for index in elements {
            let velocity = unsafe momentum * v[index] + (g[index] + weightDecay * p[index])
            unsafe v[index] = velocity
            unsafe p[index] -= rate * velocity
        }
    }

    /// Adam with decoupled weight decay.
    ///
    /// - `first`: the running mean of the gradient
    /// - `second`: the running mean of its square
    /// - `schedule`: `[3]`, read at each run: the learning rate, `1 / (1 - beta1^t)` and `1 / (1 - beta2^t)`
    /// - Throws: ``ComputeError/shape(_:)`` unless the other four have one shape.
    /// - SeeAlso: torch.optim.AdamW; Loshchilov, Hutter: arXiv:1711.05101
    package static func adamW(
        parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, schedule: Tensor,
        beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float
    ) throws(ComputeError) -> Step {
        for other in [gradient, first, second] { try other.shape.require(parameter.shape, for: "adamW") }
        try schedule.shape.require(.of([3]), for: "adamW schedule")
        let update = try unsafe AdamW(
            count: parameter.shape.elementCount, parameter: parameter.target(), gradient: gradient.source(),
            first: first.target(), second: second.target(), beta1: beta1, beta2: beta2, epsilon: epsilon)
        let schedule_ = try unsafe schedule.source()
        return Step("adamW", keeping: [parameter, gradient, first, second, schedule]) {
            let rate = unsafe schedule_[0]
            let (stride, correction) = unsafe (rate * schedule_[1], schedule_[2].squareRoot())
            inParallel(update.count, grain: manyElements) { elements, _ in
                update.run(elements, kept: 1 - rate * weightDecay, stride: stride, correction: correction)
            }
        }
    }
}

@safe private struct AdamW {
    let count: Int
    let parameter: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>
    let first: UnsafeMutablePointer<Float>
    let second: UnsafeMutablePointer<Float>
    let beta1: Float
    let beta2: Float
    let epsilon: Float

    /// Updates a range of elements. Everything is copied to locals: the compiler cannot rule out that the loop
    /// overwrites `self`, and vectorises only if nothing is read again.
    @inline(never)
    func run(_ elements: Range<Int>, kept: Float, stride: Float, correction: Float) {
        let (p, g, m, v) = unsafe (parameter, gradient, first, second)
        // In Float64: 1 - 0.999 has four digits left in Float32.
        let (rest1, rest2) = (Float(1 - Double(beta1)), Float(1 - Double(beta2)))
        let (beta2, epsilon) = (beta2, epsilon)
        // SAFETY: the four tensors hold `count` elements.
        for index in elements {
            let slope = unsafe g[index]
            let mean = unsafe m[index] + (slope - m[index]) * rest1
            let square = unsafe v[index] * beta2 + slope * slope * rest2
            unsafe m[index] = mean
            unsafe v[index] = square
            unsafe p[index] = p[index] * kept - stride * mean / (square.squareRoot() * correction + epsilon)
        }
    }
}
