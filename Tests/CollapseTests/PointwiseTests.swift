import Compute
import Model
import Options
import Testing

@testable import Collapse

/// A network of two convolutions of single pixels with other ops in between.
private func twoPixelwise(
    _ sizes: [Int] = [5, 3, 2], hidden: Int = 9, out: Int = 3, bias: Network.Bias = .operand,
    between: (inout Network) throws -> Void = { try $0.unary(.relu) }
) throws -> Graph {
    var network = try Network(sizes)
    try network.pointwise("conv1", hidden, bias: bias)
    try between(&network)
    try network.pointwise("conv2", out, bias: bias)
    return network.finished()
}

private let runs = [
    Between("alone", "Linear-PReLU-Linear") { try $0.prelu([1]) },
    Between("norm before", "Linear-BatchNorm-PReLU-Linear") {
        try $0.batchNorm()
        try $0.prelu([1])
    },
    Between("norm after", "Linear-PReLU-BatchNorm-Linear") {
        try $0.prelu([1])
        try $0.batchNorm()
    },
    Between("there and back", "Linear-PReLU-Linear") {
        try $0.append(.transpose([0, 2, 3, 1]), "there")
        try $0.prelu([1])
        try $0.append(.transpose([0, 3, 1, 2]), "back")
    },
    Between("around in three steps", "Linear-PReLU-BatchNorm-Linear") {
        try $0.append(.transpose([0, 2, 3, 1]), "one")
        try $0.prelu([1])
        try $0.append(.transpose([0, 2, 3, 1]), "two")
        try $0.append(.transpose([0, 2, 3, 1]), "three")
        try $0.batchNorm()
    },
]

private let otherwise = [
    Between("a stride", "a convolution in between that leaves out or adds pixels") {
        try $0.unary(.relu)
        try $0.pointwise("strided", 9, stride: 2)
    },
    Between("groups", "a convolution in groups in between") {
        try $0.unary(.relu)
        try $0.pointwise("grouped", 9, groups: 3)
    },
    Between("a kernel", "a spatial convolution in between") { network in
        try network.unary(.relu)
        let window = Window(kernel: [2, 2], strides: [1, 1], dilations: [1, 1], padsBegin: [1, 0], padsEnd: [0, 1])
        let weight = network.parameter("spatial.weight", try network.numbers([9, 9, 2, 2]))
        try network.append(.convolution(window, groups: 1), [weight], "spatial")
    },
    Between("a kernel a channel", "a depthwise convolution in between") { network in
        try network.unary(.relu)
        let window = Window(kernel: [2, 2], strides: [1, 1], dilations: [1, 1], padsBegin: [1, 0], padsEnd: [0, 1])
        let weight = network.parameter("depthwise.weight", try network.numbers([9, 1, 2, 2]))
        try network.append(.convolution(window, groups: 9), [weight], "depthwise")
    },
    Between("a computed kernel", "the second layer has a dynamic weight") { network in
        try network.unary(.relu)
        let weight = network.graph.addInput("weight", .float(try Shape([9, 9, 1, 1])))
        try network.append(.convolution(Window(pointwise: 2), groups: 1), [weight], "dynamic")
    },
    Between("channels that end up last", "a transpose between the layers orders the rows otherwise") { network in
        try network.unary(.relu)
        try network.append(.transpose([0, 2, 3, 1]), "permute")
        try network.linear("fc", 9)
        try network.append(.transpose([0, 3, 1, 2]), "back")
    },
    Between("pixels in a row", "a reshape between the layers divides the rows otherwise") { network in
        try network.unary(.relu)
        try network.append(.reshape(Shape([4, 9, 6])), "row")
        try network.pointwise("conv2", 9)
        try network.append(.reshape(Shape([4, 9, 3, 2])), "plane")
    },
    Between("softmax over channels", "a normalisation over the hidden axis") { network in
        try network.unary(.relu)
        try network.append(.softmax(axis: 1), "softmax")
    },
    Between("squeeze and excitation", "gated: the hidden value is multiplied by another") { network in
        let hidden = try network.unary(.relu)
        try network.append(.reduce(.mean, axes: [2, 3], keepsAxes: true), "pool")
        try network.pointwise("squeeze", 9)
        let gate = try network.unary(.sigmoid, "gate")
        network.value = hidden
        try network.append(.binary(.multiply), [gate], "scaled")
    },
]

@Suite struct PointwiseTests {
    @Test(arguments: runs, Network.Bias.allCases)
    func `two convolutions of single pixels become one`(between: Between, bias: Network.Bias) throws {
        let graph = try twoPixelwise(bias: bias, between: between.build)
        let candidate = try #require(Candidates(in: graph).found.first)
        #expect(candidate.kind == between.said)
        #expect((candidate.inFeatures, candidate.hidden, candidate.out) == (5, 9, 3))
        // Six pixels per sample.
        #expect(Profit(candidate, in: graph).macsBefore == 6 * 9 * (5 + 3))
        #expect(Profit(candidate, in: graph).parametersAfter == 3 * 6)
        let merged = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
        #expect(merged.parameters.map(\.tensor.shape.dimensions) == [[3, 5, 1, 1], [3]])
        #expect(merged.macs == Profit(candidate, in: graph).macsAfter)
        let data = try inputs(50, [5, 3, 2])
        expectClose(try logits(merged, data), try logits(graph, data))
    }

    @Test(arguments: [[5, 7], [5, 2, 2, 2]])
    func `on one and on three spatial axes likewise`(sizes: [Int]) throws {
        let graph = try twoPixelwise(sizes) { try $0.prelu([1]) }
        let candidate = try #require(Candidates(in: graph).found.first)
        let merged = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
        let data = try inputs(8, sizes)
        expectClose(try logits(merged, data), try logits(graph, data))
    }

    @Test(arguments: otherwise)
    func `what is no layer of pixels is refused with its reason`(between: Between) throws {
        let candidates = Candidates(in: try twoPixelwise(between: between.build))
        #expect(candidates.refusals.first == Refusal(name: "conv1", reason: between.said))
        #expect(!candidates.found.contains { $0.name == "conv1" })
    }

    @Test(arguments: [(5, 9), (9, 4)])
    func `the best map of pixels is fitted, on the input or on the hidden values`(channels: Int, hidden: Int) throws {
        let graph = try twoPixelwise([channels, 3, 2], hidden: hidden)
        let candidate = try #require(Candidates(in: graph).found.first)
        #expect(candidate.regressesOnHidden == (hidden < channels))
        let data = try inputs(400, [channels, 3, 2])
        let moments = try BlockMoments(original: graph).ofUntouched([candidate], on: data)[0]
        let block = try BlockFit(candidate, in: graph, fit: moments, heldOut: moments)
        let fitted = try graph.replacing(block.rewrites(candidate))
        let error = meanSquare(try logits(fitted, data), try logits(graph, data))
        expectClose([block.meanSquareError], [error], within: 1e-5)
        // No other map is better: a shifted one is worse.
        for index in fitted.parameters.indices {
            var other = fitted
            let numbers = fitted.parameters[index].tensor
            other.setParameter(index, try Tensor(numbers.floats.map { $0 + 0.02 }, numbers.shape))
            #expect(meanSquare(try logits(other, data), try logits(graph, data)) > error)
        }
    }

    @Test func `slopes of pixels are trained, and the bound is what the merge changes`() throws {
        let between: (inout Network) throws -> Void = {
            try $0.batchNorm("one")
            try $0.append(.transpose([0, 2, 3, 1]), "there")
            try $0.prelu([0.6])
            try $0.append(.transpose([0, 3, 1, 2]), "back")
            try $0.batchNorm("two")
        }
        var job = Collapsing(try twoPixelwise(hidden: 20, between: between), on: try inputs(99, [5, 3, 2]))
        (job.options.method, job.options.finetune, job.options.loss) = (.layercollapse, .selfDistill, .mse)
        (job.options.steps, job.options.threshold) = (3, 0.5)
        let outcome = try job.run()
        #expect(outcome.layers.map(\.isCollapsed) == [true, true, true])
        let layer = try #require(outcome.layers.last)
        #expect(try #require(layer.slope) > 0.6)
        var still = job
        still.options.steps = 0
        let merged = try still.run()
        let search = try job.samples().search
        let change = meanSquare(try logits(merged.graph, search), try logits(job.graph, search))
        #expect(abs(try #require(merged.layers.last?.bound) / change - 1) < 1e-4)
    }

    /// The classifier of timm's MobileNetV3: a convolution of one pooled pixel, and a linear layer.
    @Test(arguments: Network.Bias.allCases)
    func `a convolution of one pixel and the linear layer behind it become a linear layer`(bias: Network.Bias) throws {
        var network = try Network([5, 3, 2])
        try network.append(.reduce(.mean, axes: [2, 3], keepsAxes: true), "pool")
        try network.pointwise("conv", 9, bias: bias)
        try network.prelu([1])
        try network.append(.reshape(Shape([4, 9])), "flatten")
        try network.linear("fc", 3, bias: bias)
        let graph = network.finished()
        let candidate = try #require(Candidates(in: graph).found.first)
        let merged = try graph.replacing(MergeLinear(in: graph).rewrites(candidate))
        #expect(merged.parameters.map(\.tensor.shape.dimensions) == [[3, 5], [3]])
        let data = try inputs(9, [5, 3, 2])
        expectClose(try logits(merged, data), try logits(graph, data))
    }

    @Test func `a linear layer and the convolution of one pixel behind it stay apart, and pixels on fewer axes too`()
        throws
    {
        for (sizes, middle) in [([5], [4, 9, 1, 1]), ([5, 1, 1], [4, 9, 1])] {
            var network = try Network(sizes)
            if sizes.count == 1 { try network.linear("first", 9) } else { try network.pointwise("first", 9) }
            try network.unary(.relu)
            try network.append(.reshape(Shape(middle)), "reshape")
            try network.pointwise("conv", 3)
            let candidates = Candidates(in: network.finished())
            #expect(candidates.found.isEmpty)
            let reason = "a reshape between the layers divides the rows otherwise"
            #expect(candidates.refusals.first == Refusal(name: "first", reason: reason))
        }
    }

    @Test func `of several pixels the linear layer behind sees all at once, which is no run`() throws {
        var network = try Network([5, 3, 2])
        try network.pointwise("conv", 9)
        try network.unary(.relu)
        try network.append(.reshape(Shape([4, 54])), "flatten")
        try network.linear("fc", 3)
        let candidates = Candidates(in: network.finished())
        #expect(candidates.found.isEmpty)
        let reason = "a reshape that takes its features apart stands between it and the next linear layer"
        #expect(candidates.refusals.first == Refusal(name: "conv", reason: reason))
    }

    @Test func `a merged convolution is the first layer of the next run, flattened or not`() throws {
        var network = try Network([5, 1, 1])
        for (index, width) in [9, 7].enumerated() {
            try network.pointwise("conv\(index)", width)
            try network.prelu([1], "act\(index)")
        }
        try network.append(.reshape(Shape([4, 7])), "flatten")
        try network.linear("fc", 3)
        let graph = network.finished()
        let data = try inputs(9, [5, 1, 1])
        for fromEnd in [true, false] {
            var merged = graph
            while let candidate = fromEnd ? Candidates(in: merged).found.last : Candidates(in: merged).found.first {
                merged = try merged.replacing(MergeLinear(in: merged).rewrites(candidate))
            }
            #expect(merged.parameterCount == 3 * 6)
            expectClose(try logits(merged, data), try logits(graph, data))
        }
    }
}
