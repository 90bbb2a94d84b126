import Compute
import Model
import Options
import Testing

@testable import Collapse

/// Expected values are numpy's, with `a`, `b` as below, `ls = lambda z: z - log(exp(z).sum(1, keepdims=True))` and
/// `p, q = ls(a), ls(b)`.
@Suite struct ComparisonTests {
    private static let a: [Float] = [2, -1, 0.5, 0, 0, 1, 3, -2, 4, -1, -1, -1.5]
    private static let b: [Float] = [1, 0.5, 0, 0.5, -1, 0.25, 4, 0, 3, -1, -2, -1]

    private static func tensor(_ values: [Float]) throws -> Tensor { try Tensor(values, Shape([4, 3])) }

    private static func task(_ loss: JobOptions.LossName) -> PredictionTask {
        PredictionTask(of: Graph(), labels: nil, loss: loss)
    }

    @Test func `the divergence of logits is numpy's, and so are the rows that are answered differently`() throws {
        let found = Comparison(try Self.tensor(Self.a), try Self.tensor(Self.b), Self.task(.crossEntropy))
        // (exp(p) * (p - q)).sum(1).mean()
        #expect(abs(found.divergence - 0.2686724779232119) < 1e-12)
        // (a.argmax(1) != b.argmax(1)).sum()
        #expect((found.disagreements, found.rows, found.disagreement) == (2, 4, 0.5))
    }

    @Test func `what is added to a whole row makes no difference, however large`() throws {
        let moved = Self.a.enumerated().map { $1 + [0, 4096, -4096, 1024][$0 / 3] }
        let found = Comparison(try Self.tensor(Self.a), try Self.tensor(moved), Self.task(.crossEntropy))
        #expect(abs(found.divergence) < 1e-12)
        #expect(found.disagreements == 0)
    }

    @Test func `every token of a sequence is a row`() throws {
        let shape = try Shape([2, 2, 3])
        let found = Comparison(try Tensor(Self.a, shape), try Tensor(Self.b, shape), Self.task(.causalLanguageModel))
        #expect(abs(found.divergence - 0.2686724779232119) < 1e-12)
        #expect(found.rows == 4)
    }

    @Test(arguments: [JobOptions.LossName.mse, .binaryCrossEntropy])
    func `what are no logits of classes are compared by their squares`(loss: JobOptions.LossName) throws {
        let found = Comparison(try Self.tensor(Self.a), try Self.tensor(Self.b), Self.task(loss))
        // ((a - b)**2).mean() and the same over a.var()
        #expect(abs(found.divergence - 1.046875) < 1e-12)
        #expect(abs(found.disagreement - 0.3291484716157205) < 1e-12)
        #expect((found.disagreements, found.rows) == (0, 0))
    }

    @Test func `cross-entropy and accuracy are numpy's, and labels of -100 count for nothing`() throws {
        let labels = try Tensor([0, 2, -100, 1] as [Int64], Shape([4]))
        let found = Metrics(try Self.tensor(Self.a), labels: labels, Self.task(.crossEntropy))
        // m = lab >= 0;  -p[m][arange(3), lab[m]].mean(), (a.argmax(1)[m] == lab[m]).mean()
        #expect(abs(found.loss - 0.5835920328454139) < 1e-12)
        #expect(found.metricName == "accuracy")
        #expect(found.metric == 2.0 / 3)
        #expect(found.interval == Certificate.interval(events: 2, of: 3))
        #expect(found.isRate)
    }

    @Test func `labels that all are to be ignored say nothing`() throws {
        let labels = try Tensor([-100, -100, -100, -100] as [Int64], Shape([4]))
        let found = Metrics(try Self.tensor(Self.a), labels: labels, Self.task(.crossEntropy))
        #expect((found.metric, found.loss) == (0, 0))
        #expect(found.interval == [0, 1])
    }

    @Test func `the mean square error is numpy's and no rate`() throws {
        let found = Metrics(try Self.tensor(Self.a), labels: try Self.tensor(Self.b), Self.task(.mse))
        #expect((found.metricName, found.metric, found.loss) == ("mse", 1.046875, 1.046875))
        #expect(!found.isRate)
    }

    @Test func `binary cross-entropy is numpy's`() throws {
        let targets = try Self.tensor([1, 0, 1, 0, 1, 0.5, 1, 1, 0, 0, 0, 1])
        let found = Metrics(try Self.tensor(Self.a), labels: targets, Self.task(.binaryCrossEntropy))
        // (maximum(a, 0) - a*t + log1p(exp(-abs(a)))).mean(), ((a > 0) == (t > .5)).sum()
        #expect(abs(found.loss - 0.9696187229110947) < 1e-12)
        #expect(found.metricName == "binary_accuracy")
        #expect(found.metric == 7.0 / 12)
        let large = Metrics(
            try Tensor([1000, -1000] as [Float], Shape([1, 2])), labels: try Tensor([0, 1] as [Float], Shape([1, 2])),
            Self.task(.binaryCrossEntropy))
        #expect(large.loss == 1000)
    }

    @Test(arguments: [
        ("logits", 10, PredictionTask.Kind.classification), ("last_hidden_state", 10, .embedding),
        ("Pooler_Output", 10, .embedding), ("output", 1, .regression), ("sentence_embedding", 3, .embedding),
        ("\u{600}hidden", 10, .embedding),
    ])
    func `without labels an output's name and width tell what it is`(
        name: String, width: Int, kind: PredictionTask.Kind
    ) throws {
        var network = try Network([4])
        try network.linear("head", width)
        #expect(PredictionTask(of: network.finished(name), labels: nil, loss: .auto).kind == kind)
    }

    @Test func `what a last softmax reads are the logits of a classifier alone`() throws {
        var network = try Network([4])
        let product = try network.linear("head", 3)
        let softmax = try network.append(.softmax(axis: 1), "probabilities")
        let graph = network.finished("probabilities")
        #expect(Self.task(.crossEntropy).logits(of: graph) == product)
        #expect(Self.task(.mse).logits(of: graph) == softmax)
    }
}
