import Compute
import Model
import Options
import Testing

@testable import Collapse

/// A network with outputs of several tasks, of which one option each limits the damage.
@Suite struct BudgetTests {
    /// A point with other answers for 30 of 1,000 samples.
    private static func point(_ tasks: [JobOptions.TaskName]) throws -> ParetoPoint {
        let comparisons = try tasks.map { name in
            // The answer of row r is r mod 3, and in the other network the next one for 30 rows.
            func row(_ answer: Int) -> [Float] { (0..<3).map { $0 == answer % 3 ? 2 : -1 } }
            let original = (0..<1000).flatMap { row($0) }
            let other = (0..<1000).flatMap { row($0.isMultiple(of: 34) ? $0 + 1 : $0) }
            let shape = try Shape(name == .causalLanguageModel ? [1000, 1, 3] : [1000, 3])
            return Comparison(
                try Tensor(original, shape), try Tensor(other, shape), try .of(shape.dimensions, name))
        }
        return ParetoPoint(
            Graph(), collapsed: [],
            HeldOut.Measurement(comparison: comparisons[0], others: Array(comparisons.dropFirst()), metrics: nil))
    }

    private static func reason(
        _ tasks: [JobOptions.TaskName], _ change: (inout JobOptions) -> Void = { _ in }
    ) throws -> String? {
        var options = JobOptions()
        options.method = .ridge
        change(&options)
        return try Budget(options, original: nil).reasonAgainst(point(tasks))
    }

    @Test(arguments: [
        (JobOptions.TaskName.classification, "disagreement"), (.multilabel, "disagreement"),
        (.segmentation, "disagreement"), (.causalLanguageModel, "divergence (KL in nats)"),
        (.regression, "the lost share of the variance"), (.embedding, "the lost share of the variance"),
    ])
    func `each task has a measure that decides by default`(task: JobOptions.TaskName, words: String) throws {
        let reason = try #require(try Self.reason([task]))
        #expect(reason.hasPrefix("with it, held-out \(words) is 0.0"))
        #expect(reason.hasSuffix(", over \(task == .embedding ? 0.05 : 0.02)"))
    }

    @Test func `a limit of the user's replaces the default, and outputs without one keep theirs`() throws {
        #expect(try Self.reason([.classification]) { $0.maxDisagreement = 0.05 } == nil)
        #expect(try Self.reason([.classification]) { $0.maxDivergence = 1 } == nil)
        #expect(try Self.reason([.regression]) { $0.maxVarianceLost = 1 } == nil)
        let other = try #require(try Self.reason([.classification, .regression]) { $0.maxDisagreement = 0.05 })
        #expect(other.hasPrefix("with it, held-out the lost share of the variance of 'y' is "))
    }

    @Test func `a budget of the size alone limits no output, and labels speak for the first`() throws {
        #expect(try Self.reason([.classification, .regression]) { $0.compressionRatio = 2 } == nil)
        #expect(try Self.reason([.classification]) { $0.maxMetricDrop = 0.01 } == nil)
        #expect(try Self.reason([.classification, .regression]) { $0.maxMetricDrop = 0.01 } != nil)
    }

    @Test func `a point over the budget has a budget that would have admitted it`() throws {
        var options = JobOptions()
        (options.method, options.maxDivergence) = (.ridge, 0.001)
        let point = try Self.point([.classification, .regression])
        let admission = Budget(options, original: nil).admission(of: point)
        #expect(admission.map(\.option) == ["max_divergence", "max_variance_lost"])
        for (option, value) in admission {
            if option == "max_divergence" { options.maxDivergence = value } else { options.maxVarianceLost = value }
        }
        #expect(Budget(options, original: nil).reasonAgainst(point) == nil)
        #expect(Budget(options, original: nil).admission(of: point).isEmpty)
    }

    @Test func `every limit that the user sets holds`() throws {
        let reason = try Self.reason([.classification]) { ($0.maxDisagreement, $0.maxDivergence) = (0.05, 0.001) }
        #expect(reason?.contains("divergence (KL in nats)") == true)
    }
}
