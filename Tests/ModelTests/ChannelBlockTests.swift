import Compute
import Testing

@testable import Model

/// Two convolutions with ops between and behind them, and the mean of squares as the loss.
private struct Images {
    var graph = Graph()
    let hidden, activation, pooled, output, loss: ValueID
    let gradients: [ValueID?]

    init() throws {
        let window = Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padsBegin: [1, 1], padsEnd: [1, 1])
        let halving = Window(
            kernel: [2, 2], strides: [2, 2], dilations: [1, 1], padsBegin: [0, 0], padsEnd: [0, 0])
        func parameter(_ name: String, _ sizes: [Int], seed: UInt64) throws -> Parameter {
            Parameter(name: name, tensor: try random(Shape(sizes), seed: seed, -1...1), isTrainable: true)
        }
        let x = graph.addInput("x", .float(try Shape([2, 3, 8, 8])))
        let weight1 = graph.addParameter(try parameter("w1", [16, 3, 3, 3], seed: 1))
        let bias1 = graph.addParameter(try parameter("b1", [16], seed: 2))
        let weight2 = graph.addParameter(try parameter("w2", [32, 16, 3, 3], seed: 3))
        hidden = try graph.append(.convolution(window, groups: 1), [x, weight1, bias1], name: "h")
        activation = try graph.append(.unary(.relu), [hidden], name: "a")
        pooled = try graph.append(.maxPool(halving), [activation], name: "p")
        let second = try graph.append(.convolution(window, groups: 1), [pooled, weight2], name: "c")
        let flat = try graph.append(.maxPool(halving), [second], name: "q")
        output = try graph.append(.reshape(try Shape([2, 128])), [flat], name: "y")
        let zero = try graph.append(.constant(try Tensor(zeros: Shape([2, 128]))), [], name: "zero")
        loss = try graph.append(.meanSquare, [output, zero], name: "loss")
        gradients = try graph.gradients(of: loss, withRespectTo: [weight1, bias1, weight2])
    }

    /// The loss and the gradients, if `others` are fetched too.
    func run(lookingAt others: [ValueID]) throws -> [[Float]] {
        let wanted = [loss] + gradients.compactMap { $0 }
        let plan = try ExecutionPlan(graph, fetching: wanted + others)
        plan.tensor(graph.inputs[0]).copy(from: try random(Shape([2, 3, 8, 8]), seed: 4, -1...1))
        plan.run()
        return wanted.map { plan.tensor($0).floats }
    }
}

@Test func `what stands between convolutions lies in blocks, what others read does not`() throws {
    let images = try Images()
    let isNeeded = [Bool](repeating: true, count: images.graph.nodes.count)
    let free = ChannelBlocks(of: images.graph, isNeeded: isNeeded, seen: [images.loss])
    #expect([images.hidden, images.activation, images.pooled].allSatisfy { free.isBlocked[$0.index] })
    #expect(![images.output, images.loss].contains { free.isBlocked[$0.index] })
    let seen = ChannelBlocks(of: images.graph, isNeeded: isNeeded, seen: [images.activation])
    #expect(!seen.isBlocked[images.activation.index] && !seen.isBlocked[images.hidden.index])
    #expect(seen.isBlocked[images.pooled.index])
}

@Test func `a convolution applies the rectifier that alone reads it`() throws {
    let images = try Images()
    func fused(seen others: [ValueID]) throws -> Bool {
        var graph = images.graph
        try graph.fuse(seen: [images.loss] + images.gradients.compactMap { $0 } + others)
        if case .fusedConvolution(_, 1, .relu) = graph[images.activation].op { return true }
        return false
    }
    #expect(try fused(seen: []))
    #expect(try fused(seen: [images.activation]))
    #expect(try !fused(seen: [images.hidden]))
}

@Test func `blocks change no derivative`() throws {
    let images = try Images()
    let plain = try images.run(lookingAt: [images.hidden, images.activation, images.pooled])
    for (blocked, expected) in zip(try images.run(lookingAt: []), plain) {
        #expect(zip(blocked, expected).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
    }
}
