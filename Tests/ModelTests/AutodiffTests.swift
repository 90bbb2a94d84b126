import Compute
import Testing

@testable import Model

@Test(arguments: [([0, 2, 3], 0), ([0, 3], 2), ([0, 2, 2, 3], 4)])
private func `derivatives by parts are put beside each other where they make up the whole`(
    starts: [Int], padded: Int
) throws {
    var graph = Graph()
    let x = graph.addInput("x", .float(try Shape([4, 5])))
    let slices = try starts.map {
        try graph.append(.slice(axis: 1, start: $0, count: $0 == 0 ? 2 : $0 == 2 ? 1 : 2), [x])
    }
    let joined = try graph.append(.concat(axis: 1), slices)
    let zero = try graph.append(.constant(Tensor(zeros: graph.shape(joined))), [])
    let loss = try graph.append(.meanSquare, [joined, zero])
    let gradient = try #require(try graph.gradients(of: loss, withRespectTo: [x])[0])
    let pads = count(graph, fetching: [gradient]) { if case .padSlice = $0 { true } else { false } }
    #expect(pads == padded)
}
