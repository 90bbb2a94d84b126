import Compute
import Testing

@testable import Model

/// `relu(x W)` and, beside it, `x U`, which no output depends on.
private struct Network {
    var graph = Graph()
    let x, product, activation, unread: ValueID

    init() throws {
        x = graph.addInput("x", .float(try Shape([2, 3])), valueName: "x_1")
        let parameters = try ["w", "u"].map {
            Parameter(name: $0, tensor: try random(Shape([3, 3]), seed: 1, -1...1), isTrainable: true)
        }
        let (u, w) = (graph.addParameter(parameters[1]), graph.addParameter(parameters[0]))
        let op = Op.matMul(transposeLeft: false, transposeRight: false)
        unread = try graph.append(op, [x, u], name: "unread")
        product = try graph.append(op, [x, w], name: "p", scope: "fc", origin: Origin(nodes: [3]))
        activation = try graph.append(.unary(.relu), [product], name: "a")
        graph.addOutput("y", activation)
    }
}

@Test func `what no output depends on is pruned, with its parameters`() throws {
    let network = try Network()
    let pruned = network.graph.pruned()
    #expect(pruned.parameters.map(\.name) == ["w"])
    #expect(pruned.nodes.map(\.name) == ["x_1", "w", "p", "a"])
    #expect(pruned.inputs.map { pruned.inputName($0) } == ["x"])
    #expect(pruned.outputs.map { pruned[$0.value].name } == ["a"])
    #expect(pruned.pruned().nodes.count == pruned.nodes.count)
}

@Test func `a kept value keeps its name, scope and origin, and all parameters their places`() throws {
    let network = try Network()
    var transformer = GraphTransformer(network.graph, keepsIndices: true)
    for value in network.graph.values where value != network.unread { transformer.keep(value) }
    transformer.keepOutputs()
    let result = transformer.result
    #expect(result.parameters.map(\.name) == ["u", "w"])
    let product = try #require(transformer[network.product])
    #expect(result[product].scope == "fc")
    #expect(result[product].origin == Origin(nodes: [3]))
    #expect(transformer[network.unread] == nil)
    #expect(transformer.all([network.product, network.unread]) == nil)
}

@Test func `a replacement is read wherever the value was`() throws {
    let network = try Network()
    var transformer = GraphTransformer(network.graph)
    transformer.replace(
        network.product, by: transformer.result.addInput("cut", network.graph.type(network.product)))
    transformer.keep(network.activation)
    transformer.keepOutputs()
    #expect(transformer.result.nodes.map(\.name) == ["cut", "a"])
    #expect(transformer.result.outputs.count == 1)
    #expect(throws: ModelError.self) {
        try transformer.keep(
            network.activation, as: .matMul(transposeLeft: false, transposeRight: false),
            reading: [ValueID(index: 0), ValueID(index: 1)])
    }
}

@Test func `needed and dependent values are marked, up to a cut`() throws {
    let network = try Network()
    let graph = network.graph
    let isNeeded = graph.needed(for: [network.activation])
    #expect(graph.values.filter { !isNeeded[$0.index] }.map { graph[$0].name } == ["u", "unread"])
    let isNeededBehind = graph.needed(for: [network.activation]) { $0 == network.product }
    #expect(graph.values.filter { isNeededBehind[$0.index] } == [network.product, network.activation])
    let isDependent = graph.dependents { graph.parameterIndex($0) == 1 }
    #expect(graph.values.filter { isDependent[$0.index] }.map { graph[$0].name } == ["w", "p", "a"])
}
