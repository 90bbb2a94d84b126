import Compute
import Model
import Testing

@Suite struct GraphSuffixTests {
    /// The network `softmax(relu(x W1) W2 + x * mask)`.
    private static func network() throws -> Graph {
        var random = SeededRandom(seed: 3)
        func numbers(_ sizes: [Int]) throws -> Tensor {
            let shape = try Shape(sizes)
            return try Tensor((0..<shape.elementCount).map { _ in Float.random(in: -1...1, using: &random) }, shape)
        }
        var graph = Graph()
        let x = graph.addInput("x", .float(try Shape([4, 3])))
        let mask = graph.addInput("mask", .float(try Shape([4, 3])))
        let weights = try [[3, 5], [5, 3]].enumerated().map { index, sizes in
            graph.addParameter(Parameter(name: "w\(index)", tensor: try numbers(sizes), isTrainable: true))
        }
        let product = Op.matMul(transposeLeft: false, transposeRight: false)
        let hidden = try graph.append(product, [x, weights[0]], name: "hidden")
        let active = try graph.append(.unary(.relu), [hidden], name: "active")
        let masked = try graph.append(.binary(.multiply), [x, mask], name: "masked")
        let out = try graph.append(product, [active, weights[1]], name: "out")
        let sum = try graph.append(.binary(.add), [out, masked], name: "sum")
        let last = try graph.append(.softmax(axis: 1), [sum], name: "last")
        graph.addOutput("y", last)
        return graph
    }

    private static func samples() throws -> Dataset {
        var random = SeededRandom(seed: 4)
        func numbers() throws -> Tensor {
            try Tensor((0..<30).map { _ in Float.random(in: -1...1, using: &random) }, Shape([10, 3]))
        }
        return Dataset(inputs: ["x": try numbers(), "mask": try numbers()], count: 10)
    }

    @Test func `a network cut anywhere answers to the bit as the whole`() throws {
        let (graph, samples) = (try Self.network(), try Self.samples())
        let expected = try Inference(graph, fetching: graph.outputs.map(\.value)).outputs(for: samples)[0].floats
        for place in 0...graph.nodes.count {
            let cut = GraphSuffix(of: graph, from: ValueID(index: place))
            var rest = samples
            let kept = try Inference(graph, fetching: cut.frontier.map(\.value)).outputs(for: samples)
            for (boundary, tensor) in zip(cut.frontier, kept) { rest.inputs[boundary.input] = tensor }
            let found = try Inference(cut.rest, fetching: cut.rest.outputs.map(\.value)).outputs(for: rest)[0]
            #expect(found.floats == expected, "cut at \(place)")
            #expect(cut.rest.outputs.map(\.name) == ["y"])
        }
    }

    @Test func `only what is read behind the place comes in, under the names of the values`() throws {
        let graph = try Self.network()
        let out = try #require(graph.values.first { graph[$0].name == "out" })
        let cut = GraphSuffix(of: graph, from: out)
        #expect(cut.frontier.map { graph[$0.value].name } == ["active", "masked"])
        let inputs = cut.rest.inputs
        // The first input of the network is kept: it determines the batch size.
        #expect(inputs.map { cut.rest[$0].name } == ["x", "active", "masked"])
        #expect(inputs.map { cut.rest.inputName($0) } == ["x", "kept/0", "kept/1"])

        let sum = try #require(cut.rest.values.first { cut.rest[$0].name == "sum" })
        let again = GraphSuffix(of: cut.rest, from: sum)
        #expect(again.frontier.map { cut.rest[$0.value].name } == ["out"])
        // A name in use is not given again.
        let names = again.rest.inputs.map { again.rest.inputName($0) }
        #expect(Set(names).count == 3)
        #expect(names.count == 3)
    }

    @Test func `values that no output needs can be kept`() throws {
        let graph = try Self.network()
        let place = try #require(graph.values.first { graph[$0].name == "last" })
        let hidden = try #require(graph.values.first { graph[$0].name == "hidden" })
        let cut = GraphSuffix(of: graph, from: place, keeping: [hidden])
        #expect(cut.frontier.map(\.value) == [hidden] + graph[place].operands)
    }

    @Test func `what has no row for each sample is computed again`() throws {
        var graph = Graph()
        let x = graph.addInput("x", .float(try Shape([4, 3])))
        let flat = try graph.append(.reshape(Shape([12])), [x], name: "flat")
        let shaped = try graph.append(.reshape(Shape([4, 3])), [flat], name: "shaped")
        let last = try graph.append(.unary(.relu), [shaped], name: "last")
        graph.addOutput("y", last)
        let cut = GraphSuffix(of: graph, from: shaped)
        #expect(cut.frontier.isEmpty)
        #expect(cut.rest.nodes.count == graph.nodes.count)
    }
}
