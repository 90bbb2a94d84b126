import Compute
import Model
import Testing

@testable import Collapse

@Suite struct BlockFitTests {
    private static func fit(_ graph: Graph, _ candidate: Candidate, _ data: Dataset) throws -> BlockFit {
        let moments = try BlockMoments(original: graph).ofUntouched([candidate], on: data)[0]
        return try BlockFit(candidate, in: graph, fit: moments, heldOut: moments)
    }

    @Test(arguments: [true, false])
    func `with fewer hidden values than inputs the sums are over these, and the map is that of the inputs`(
        isOutByIn: Bool
    ) throws {
        var network = try Network([12])
        try network.linear("fc1", 4, isOutByIn: isOutByIn)
        try network.unary(.relu)
        try network.linear("fc2", 3)
        let graph = network.finished()
        let candidate = try #require(Candidates(in: graph).found.first)
        #expect(candidate.regressesOnHidden)
        #expect(candidate.regressor == candidate.first.output)
        #expect(candidate.regressorCount == 4)
        let data = try inputs(500, [12])
        let block = try Self.fit(graph, candidate, data)
        #expect(block.weight.shape == (try Shape([3, 12])))
        #expect(block.bias.shape == (try Shape([3])))
        // The output depends on x only through z, so that a fit on x explains nothing more.
        let smaller = try graph.replacing(block.rewrites(candidate))
        let error = meanSquare(try logits(smaller, data), try logits(graph, data))
        expectClose([block.meanSquareError], [error], within: 1e-5)
        var direct = Moments(inputs: 4, outputs: 3)
        try direct.add(values("/fc1/product", of: graph, data), logits(graph, data))
        let map = try RidgeFit(direct, heldOut: direct).layer()
        // B z + c, computed by hand, against the collapsed network.
        let hidden = try values("/fc1/product", of: graph, data).floats
        let found = try logits(smaller, data).floats
        for row in 0..<20 {
            for column in 0..<3 {
                let expected = (0..<4).reduce(map.bias.floats[column]) {
                    $0 + map.weight.floats[column * 4 + $1] * hidden[row * 4 + $1]
                }
                #expect(abs(expected - found[row * 3 + column]) < 1e-5)
            }
        }
    }

    @Test func `with fewer inputs the sums are over the inputs, and the figures are those of the network`() throws {
        let graph = try twoLayers()
        let candidate = try #require(Candidates(in: graph).found.first)
        #expect(!candidate.regressesOnHidden)
        let data = try inputs(300, [5])
        let block = try Self.fit(graph, candidate, data)
        let after = try logits(graph.replacing(block.rewrites(candidate)), data)
        let before = try logits(graph, data)
        expectClose([block.meanSquareError], [meanSquare(before, after)], within: 1e-5)
        let variance = (0..<3).reduce(0.0) { total, column in
            let values = stride(from: column, to: 900, by: 3).map { Double(before.floats[$0]) }
            let mean = values.reduce(0, +) / 300
            return total + values.reduce(0) { $0 + pow2($1 - mean) } / 300
        }
        expectClose([block.r2], [1 - 3 * meanSquare(before, after) / variance], within: 1e-5)
    }

    @Test func `a block that is linear on the data is found again exactly`() throws {
        // Large biases: no hidden value is ever negative.
        var network = try Network([5])
        try network.linear("fc1", 9, offset: 10...11)
        try network.unary(.relu)
        try network.linear("fc2", 3)
        let graph = network.finished()
        let candidate = try #require(Candidates(in: graph).found.first)
        let block = try Self.fit(graph, candidate, try inputs(200, [5]))
        #expect(block.r2 > 1 - 1e-8)
        let exact = try MergeLinear(in: graph).rewrites(candidate)
        guard case .linear(_, let layer) = exact[0].replacement else { return }
        expectClose(block.weight, layer.weight, within: 1e-4)
        expectClose(block.bias, try #require(layer.bias), within: 1e-4)
    }
}
