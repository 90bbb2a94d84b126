import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct SampleMaskTests {
    /// The mask of three samples of four positions: the first ends with one position of padding, the second with two.
    private static let mask: [Int64] = [1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1]

    private static func samples() throws -> Dataset {
        let values = (0..<36).map { Float(($0 * 7) % 11) / 5 - 1 }
        return Dataset(
            inputs: [
                "x": try Tensor(values, Shape([3, 4, 3])), "attention_mask": try Tensor(mask, Shape([3, 4])),
            ], count: 3)
    }

    @Test func `a mask of integers says which places count, and one that leaves nothing out is none`() throws {
        var samples = try Self.samples()
        #expect(try samples.mask()?.bools == Self.mask.map { $0 != 0 })
        samples.inputs["attention_mask"] = try Tensor([Int64](repeating: 1, count: 12), Shape([3, 4]))
        #expect(try samples.mask() == nil)
        samples.inputs["attention_mask"] = nil
        #expect(try samples.mask() == nil)
    }

    @Test func `padding is not compared`() throws {
        let mask = try Self.samples().mask()
        let task = try PredictionTask.classes(of: [3, 4, 3])
        let original = try #require(try Self.samples().inputs["x"])
        var other = original.floats
        // In the padding of the first sample, whose row is the fourth.
        other[9] += 10
        let changed = try Tensor(other, original.shape)
        #expect(Comparison(original, changed, task).divergence.value > 0)
        let found = Comparison(original, changed, task, counting: mask)
        #expect(found.answers == 9)
        #expect(found.disagreements == 0)
        #expect(found.divergence.value == 0)
        // With one row per sample there is no row for each position.
        let pooled = try Tensor(Array(other.prefix(9)), Shape([3, 3]))
        #expect(Comparison(pooled, pooled, try .classes(of: [3, 3]), counting: mask).answers == 3)
    }

    @Test func `padding is no part of the sums that maps are fitted on`() throws {
        var graph = Graph()
        let x = graph.addInput("x", .float(try Shape([2, 4, 3])))
        _ = graph.addInput("attention_mask", ValueType(.int64, try Shape([2, 4])))
        let linear = Op.matMul(transposeLeft: false, transposeRight: true)
        let sizes = [[6, 3], [2, 6]]
        var value = x
        for (index, size) in sizes.enumerated() {
            let count = size[0] * size[1]
            let weight = graph.addParameter(
                Parameter(
                    name: "w\(index)", tensor: try Tensor((0..<count).map { Float($0 % 5) / 4 }, Shape(size)),
                    isTrainable: true))
            value = try graph.append(linear, [value, weight], name: "linear\(index)", scope: "layer\(index)")
            if index == 0 { value = try graph.append(.unary(.relu), [value], name: "relu") }
        }
        graph.addOutput("y", value)
        let candidates = Candidates(in: graph).found
        try #require(candidates.count == 1)
        let moments = BlockMoments(original: graph)
        var samples = try Self.samples()
        #expect(try moments.ofUntouched(candidates, on: samples)[0].count == 9)
        #expect(try moments.of(candidates[0], in: graph, on: samples).count == 9)
        samples.inputs["attention_mask"] = try Tensor([Int64](repeating: 1, count: 12), Shape([3, 4]))
        #expect(try moments.ofUntouched(candidates, on: samples)[0].count == 12)
    }
}
