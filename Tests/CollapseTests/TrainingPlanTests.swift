import Compute
import Model
import Options
import Testing

@testable import Collapse

@Suite struct TrainingPlanTests {
    @Test func `fine-tuning is AdamW along a cosine, as the method's figures were made`() {
        let plan = TrainingPlan(JobOptions(), stepsPerEpoch: 78, of: Graph())
        #expect(plan.optimizer == .adamW(weightDecay: 0))
        #expect(plan.schedule == .cosine)
        #expect((plan.steps, plan.learningRate) == (300, 5e-4))
        #expect(plan.rate(at: 0) == 5e-4)
        #expect(abs(plan.rate(at: 150) - 2.5e-4) < 1e-9)
    }

    @Test(arguments: [(8, 300), (6250, 234), (100_000, 100)])
    func `a network whose steps take long gets fewer by default`(hidden: Int, steps: Int) throws {
        var graph = Graph()
        let x = graph.addInput("x", .float(try Shape([64, 1000, 64])))
        let weight = Parameter(name: "w", tensor: try Tensor(zeros: Shape([hidden, 64])), isTrainable: true)
        let y = try graph.append(.matMul(transposeLeft: false, transposeRight: true), [x, graph.addParameter(weight)])
        graph.addOutput("y", y)
        #expect(TrainingPlan(JobOptions(), stepsPerEpoch: 78, of: graph).steps == steps)
        var options = JobOptions()
        options.steps = 300
        #expect(TrainingPlan(options, stepsPerEpoch: 78, of: graph).steps == 300)
    }

    @Test(arguments: [(10, 300), (100, 300), (101, 303), (1000, 3000)])
    func `slopes are trained as in the paper, for three passes or more`(stepsPerEpoch: Int, steps: Int) {
        var options = JobOptions()
        options.method = .layercollapse
        let plan = TrainingPlan(options, stepsPerEpoch: stepsPerEpoch, of: Graph())
        #expect(plan.optimizer == .sgd(momentum: 0.9, weightDecay: 0))
        #expect(plan.schedule == .constant)
        #expect((plan.steps, plan.learningRate, plan.penalty) == (steps, 1e-3, 5))
        #expect(plan.rate(at: steps - 1) == 1e-3)
    }

    @Test func `AdamW trains slopes along a cosine, and pulls enough for half of the steps`() {
        var options = JobOptions()
        (options.method, options.optimizer, options.steps) = (.layercollapse, .adamw, 100)
        let plan = TrainingPlan(options, stepsPerEpoch: 78, of: Graph())
        #expect(plan.schedule == .cosine)
        let half = (0..<50).reduce(1.0) { $0 * (1 - 2 * Double(plan.rate(at: $1)) * plan.penalty) }
        #expect(half > 0.01 && half < 0.025)
        // In a long training as much as holds a slope against the loss is enough.
        options.steps = 100_000
        #expect(TrainingPlan(options, stepsPerEpoch: 78, of: Graph()).penalty == 20)
        options.threshold = 0.1
        #expect(TrainingPlan(options, stepsPerEpoch: 78, of: Graph()).penalty == 10)
    }

    @Test func `a training from scratch pulls as the paper's do`() {
        var options = JobOptions()
        options.optimizer = .sgd
        #expect(TrainingPlan.supervised(options, stepsPerEpoch: 78).penalty == 0.5)
        options.penalty = 3
        #expect(TrainingPlan.supervised(options, stepsPerEpoch: 78).penalty == 3)
    }

    @Test(arguments: [(1, 78), (2, 156), (10, 780)])
    func `passes become steps`(epochs: Int, steps: Int) {
        var options = JobOptions()
        options.epochs = epochs
        #expect(TrainingPlan(options, stepsPerEpoch: 78, of: Graph()).steps == steps)
    }

    @Test func `a count of passes that no number holds does not end the program`() {
        var options = JobOptions()
        options.epochs = .max
        #expect(TrainingPlan(options, stepsPerEpoch: 78, of: Graph()).steps == 1_000_000_000_000)
    }

    @Test func `what the user names is taken`() {
        var options = JobOptions()
        options.method = .layercollapse
        (options.optimizer, options.weightDecay, options.learningRate) = (.adamw, 0.25, 0.5)
        (options.steps, options.penalty) = (7, 3)
        let plan = TrainingPlan(options, stepsPerEpoch: 78, of: Graph())
        #expect(plan.optimizer == .adamW(weightDecay: 0.25))
        #expect((plan.steps, plan.learningRate, plan.penalty) == (7, 0.5, 3))
        (options.optimizer, options.momentum) = (.sgd, 0.5)
        #expect(
            TrainingPlan(options, stepsPerEpoch: 78, of: Graph()).optimizer == .sgd(momentum: 0.5, weightDecay: 0.25))
    }

    @Test func `what is left open is decided, and a rate that is named is kept`() throws {
        let automatic = TrainingPlan.supervised(JobOptions(), stepsPerEpoch: 78)
        #expect(automatic.optimizer == .adamW(weightDecay: 0.01))
        #expect(automatic.learningRate == 5e-4)
        #expect(automatic.schedule == .cosine)
        #expect(automatic.steps == 78)
        var options = JobOptions()
        options.optimizer = .sgd
        #expect(TrainingPlan.supervised(options, stepsPerEpoch: 78).learningRate == 1e-3)
        (options.learningRate, options.epochs) = (0.01, 3)
        let chosen = TrainingPlan.supervised(options, stepsPerEpoch: 78)
        #expect(chosen.optimizer == .sgd(momentum: 0.9, weightDecay: 0))
        #expect(chosen.schedule == .constant)
        #expect(chosen.steps == 234)
        #expect(!chosen.options(seed: 0, isShuffled: false, runsPerStep: 1).isShuffled)
    }

    @Test func `epochs beyond all counting are as many steps as can be counted`() {
        var options = JobOptions()
        options.epochs = .max
        #expect(TrainingPlan.supervised(options, stepsPerEpoch: 78).steps == 1_000_000_000_000)
    }
}
