import Compute
import Glibc
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

    private static func task(_ name: JobOptions.TaskName) throws -> PredictionTask { try .of([4, 3], name) }

    @Test func `the divergence of logits is numpy's, and so are the rows that are answered differently`() throws {
        let found = Comparison(try Self.tensor(Self.a), try Self.tensor(Self.b), try Self.task(.classification))
        // (exp(p) * (p - q)).sum(1).mean()
        #expect(abs(found.divergence.value - 0.2686724779232119) < 1e-12)
        // (a.argmax(1) != b.argmax(1)).sum()
        #expect((found.disagreements, found.answers, found.disagreement?.value) == (2, 4, 0.5))
        // kl.mean() + t.ppf(.95, 3) * kl.std(ddof=1) / sqrt(4); the quantile is within 2 %.
        #expect(abs(found.divergence.upper95 - 0.4317782210468194) < 0.005)
        #expect(found.disagreement?.upper95 == Certificate(events: 2, of: 4).upper95)
        #expect((found.varianceLost, found.cosines) == (nil, nil))
    }

    @Test func `what is added to a whole row makes no difference, however large`() throws {
        let moved = Self.a.enumerated().map { $1 + [0, 4096, -4096, 1024][$0 / 3] }
        let found = Comparison(try Self.tensor(Self.a), try Self.tensor(moved), try Self.task(.classification))
        #expect(abs(found.divergence.value) < 1e-12)
        #expect(found.disagreements == 0)
    }

    @Test func `every token of a sequence is a row`() throws {
        let shape = try Shape([2, 2, 3])
        let found = Comparison(
            try Tensor(Self.a, shape), try Tensor(Self.b, shape), try .of([2, 2, 3], .causalLanguageModel))
        #expect(abs(found.divergence.value - 0.2686724779232119) < 1e-12)
        #expect(found.answers == 4)
    }

    @Test func `a regression loses what its worst column loses of its own variance`() throws {
        let found = Comparison(try Self.tensor(Self.a), try Self.tensor(Self.b), try Self.task(.regression))
        // ((a - b)**2).mean();  e = (a - b)**2 / a.var(0), and the bound of the mean of e[:, 1]
        #expect(abs(found.divergence.value - 1.046875) < 1e-12)
        let lost = try #require(found.varianceLost)
        #expect(abs(lost.value - 4.125) < 1e-12)
        #expect(abs(lost.upper95 - 7.466133812649318) < 0.1)
        #expect((found.disagreements, found.answers) == (0, 0))
        #expect(found.disagreement == nil)
    }

    @Test func `a column far from zero hides nothing of another`() throws {
        let far = Self.a.enumerated().map { $0 % 3 == 0 ? $1 + 1000 : $1 }
        let other = Self.b.enumerated().map { $0 % 3 == 0 ? $1 + 1000 : $1 }
        let found = Comparison(try Self.tensor(far), try Self.tensor(other), try Self.task(.regression))
        #expect(abs(try #require(found.varianceLost).value - 4.125) < 1e-6)
    }

    @Test func `an embedding loses of the variance of all columns, and its cosines are numpy's`() throws {
        let found = Comparison(try Self.tensor(Self.a), try Self.tensor(Self.b), try Self.task(.embedding))
        // ((a - b)**2).sum() / ((a - a.mean(0))**2).sum(), and the bound of the mean over rows
        let lost = try #require(found.varianceLost)
        #expect(abs(lost.value - 0.45681818181818185) < 1e-12)
        #expect(abs(lost.upper95 - 0.821815306989508) < 0.01)
        let cosines = try #require(found.cosines)
        #expect(abs(cosines.mean - 0.6465570864834921) < 1e-12)
        #expect(abs(cosines.worst5 - 0.2182178902359924) < 1e-12)
    }

    @Test(arguments: [false, true])
    func `tags are answers of their own, as logits and as probabilities`(areProbabilities: Bool) throws {
        func given(_ values: [Float]) throws -> Tensor {
            try Self.tensor(areProbabilities ? values.map { 1 / (1 + exp(-$0)) } : values)
        }
        let found = Comparison(try given(Self.a), try given(Self.b), try Self.task(.multilabel))
        // p * log(p / q) + (1 - p) * log((1 - p) / (1 - q)) of the sigmoids;  ((a > 0) != (b > 0)), its bound over rows
        #expect(abs(found.divergence.value - 0.0856121782639669) < 1e-6)
        #expect((found.disagreements, found.answers, found.disagreement?.value) == (3, 12, 0.25))
        #expect(abs(try #require(found.disagreement).upper95 - 0.6255289911469719) < 0.01)
    }

    @Test func `classes lie along the axis that is asked for`() throws {
        // a.T.reshape(1, 3, 4): the classes before the places
        func turned(_ values: [Float]) throws -> Tensor {
            try Tensor((0..<12).map { values[$0 % 4 * 3 + $0 / 4] }, Shape([1, 3, 4]))
        }
        let task = try PredictionTask.of([1, 3, 4], .classification) { $0.classAxis = 1 }
        let found = Comparison(try turned(Self.a), try turned(Self.b), task)
        #expect(abs(found.divergence.value - 0.2686724779232119) < 1e-12)
        #expect((found.disagreements, found.answers) == (2, 4))
        let labels = try Tensor([0, 2, -100, 1] as [Int64], Shape([1, 4]))
        #expect(Metrics(try turned(Self.a), labels: labels, task).metric == 2.0 / 3)
    }

    @Test func `cross-entropy and accuracy are numpy's, and labels of -100 count for nothing`() throws {
        let labels = try Tensor([0, 2, -100, 1] as [Int64], Shape([4]))
        let found = Metrics(try Self.tensor(Self.a), labels: labels, try Self.task(.classification))
        // m = lab >= 0;  -p[m][arange(3), lab[m]].mean(), (a.argmax(1)[m] == lab[m]).mean()
        #expect(abs(found.loss - 0.5835920328454139) < 1e-12)
        #expect(found.metricName == "accuracy")
        #expect(found.metric == 2.0 / 3)
        #expect(found.interval == Certificate.interval(events: 2, of: 3))
        #expect(found.isRate)
    }

    @Test func `labels that all are to be ignored say nothing`() throws {
        let labels = try Tensor([-100, -100, -100, -100] as [Int64], Shape([4]))
        let found = Metrics(try Self.tensor(Self.a), labels: labels, try Self.task(.classification))
        #expect((found.metric, found.loss) == (0, 0))
        #expect(found.interval == [0, 1])
    }

    @Test func `the mean square error is numpy's and no rate`() throws {
        let found = Metrics(try Self.tensor(Self.a), labels: try Self.tensor(Self.b), try Self.task(.regression))
        #expect((found.metricName, found.metric, found.loss) == ("mse", 1.046875, 1.046875))
        #expect(!found.isRate)
    }

    @Test func `binary cross-entropy is numpy's`() throws {
        let targets = try Self.tensor([1, 0, 1, 0, 1, 0.5, 1, 1, 0, 0, 0, 1])
        let found = Metrics(try Self.tensor(Self.a), labels: targets, try Self.task(.multilabel))
        // (maximum(a, 0) - a*t + log1p(exp(-abs(a)))).mean(), ((a > 0) == (t > .5)).sum()
        #expect(abs(found.loss - 0.9696187229110947) < 1e-12)
        #expect(found.metricName == "binary_accuracy")
        #expect(found.metric == 7.0 / 12)
        let large = Metrics(
            try Tensor([1000, -1000] as [Float], Shape([1, 2])), labels: try Tensor([0, 1] as [Float], Shape([1, 2])),
            try Self.task(.multilabel))
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
        #expect(PredictionTask(of: network.finished(name), output: name).kind == kind)
    }

    @Test func `a last sigmoid tells tags, and labels of other numbers a regression`() throws {
        var network = try Network([4])
        try network.linear("head", 3)
        try network.append(.unary(.sigmoid), "output")
        let graph = network.finished("output")
        let found = PredictionTask(of: graph)
        #expect((found.kind, found.isGuess) == (.multilabel, false))
        #expect(graph[found.logits(of: graph)].name == "/head/product")
        let tags = try Tensor([0, 1, 1] as [Float], Shape([1, 3]))
        #expect(PredictionTask(of: graph, labels: tags).kind == .multilabel)
        let shares = try Tensor([0, 0.5, 1] as [Float], Shape([1, 3]))
        #expect(PredictionTask(of: graph, labels: shares).kind == .regression)
    }

    @Test func `a column for each token of the vocabulary tells a language model`() throws {
        for (rows, kind) in [(5, PredictionTask.Kind.causalLanguageModel), (6, .classification)] {
            var graph = Graph()
            let ids = graph.addInput("input_ids", ValueType(.int64, try Shape([2, 3])))
            let table = graph.addParameter(
                Parameter(name: "table", tensor: try Tensor(zeros: Shape([rows, 5])), isTrainable: true))
            graph.addOutput("logits", try graph.append(.gather(axis: 0), [table, ids], name: "logits"))
            #expect(PredictionTask(of: graph).kind == kind)
            let labels = try Tensor([Int64](repeating: 0, count: 6), Shape([2, 3]))
            #expect(PredictionTask(of: graph, labels: labels).kind == kind)
        }
    }

    @Test func `the user's word comes before labels, loss, name and shape`() throws {
        var network = try Network([4])
        try network.linear("head", 3)
        let graph = network.finished("sentence_embedding")
        let labels = try Tensor([0, 1] as [Int64], Shape([2]))
        for name in JobOptions.TaskName.allCases where name != .auto {
            var options = JobOptions()
            (options.task, options.loss) = (name, .crossEntropy)
            let found = PredictionTask(of: graph, labels: labels, options: options)
            #expect((found.kind.rawValue, found.isGuess) == (name.rawValue, false))
        }
    }

    @Test func `what a last softmax reads are the logits of a classifier alone`() throws {
        var network = try Network([4])
        let product = try network.linear("head", 3)
        let softmax = try network.append(.softmax(axis: 1), "probabilities")
        let graph = network.finished("probabilities")
        var regression = JobOptions()
        regression.task = .regression
        #expect(PredictionTask(of: graph).logits(of: graph) == product)
        #expect(PredictionTask(of: graph, options: regression).logits(of: graph) == softmax)
    }
}

extension PredictionTask {
    /// The task of an output of a shape, as the user says it.
    static func of(
        _ sizes: [Int], _ task: JobOptions.TaskName, _ change: (inout JobOptions) -> Void = { _ in }
    ) throws -> PredictionTask {
        var graph = Graph()
        let input = graph.addInput("x", .float(try Shape(sizes)))
        graph.addOutput("y", try graph.append(.unary(.relu), [input], name: "y"))
        var options = JobOptions()
        options.task = task
        change(&options)
        return PredictionTask(of: graph, options: options)
    }

    static func classes(of sizes: [Int]) throws -> PredictionTask { try of(sizes, .classification) }
}
