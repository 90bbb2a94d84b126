import Collapse
import Compute
import Foundation
package import JobContract
import Model
import Options

/// The pipeline of one check: two ONNX files of anyone's making, the same samples through both, measures, limits, report.
package enum Check {
    /// Runs a check. The thread count and the memory limit belong to the process and must be set before.
    ///
    /// - Parameters:
    ///   - order: files, options and report paths.
    ///   - emit: receives the events.
    /// - Returns: the result, with the reports written, whether or not the limits hold.
    /// - Throws: ``Problem`` for files that cannot be compared; no report is written then.
    package static func run(_ order: CheckOrder, emit: @escaping EventSink) throws(Problem) -> CheckResult {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            emit(CheckPhase.validating.event)
            let pair = try CheckPair(order)
            for note in pair.notes { emit(WorkEvent(.log, note)) }
            for warning in pair.warnings { emit(.warning(code: warning.code, message: warning.message)) }
            var report = try CheckReport(pair, order)

            emit(CheckPhase.baseline.event)
            let heldOut = try HeldOut(pair.samples, original: pair.oldGraph, task: pair.task)
            report.oldMetrics = heldOut.originalMetrics

            emit(CheckPhase.comparing.event)
            try pair.checkProbabilities()
            let measured = try heldOut.measured(pair.newGraph)
            (report.newMetrics, report.comparisons) = (measured.metrics, measured.comparisons)
            for warning in report.warningsOfMeasures { emit(.warning(code: warning.code, message: warning.message)) }

            emit(CheckPhase.timing.event)
            let latency = try Latency(pair.oldGraph, pair.newGraph, on: pair.samples)
            report.latency = latency
            let budget = Budget(order.options, original: report.oldMetrics)
            report.limits = budget.uses(of: measured.comparisons, measured.metrics).map { CheckLimit($0) }
            if let limit = order.options.maxSlowdown {
                report.limits.append(CheckLimit(latency.speedup, maxSlowdown: limit))
            }
            report.seconds = (clock.now - start) / .seconds(1)
            try report.write(to: order.reports)
            return CheckResult(
                document: report.result, report: report.document, summary: report.summary, holds: report.holds)
        } catch {
            throw Problem(any: error)
        }
    }
}
