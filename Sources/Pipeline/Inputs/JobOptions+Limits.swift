import Collapse
import Compute
import JobContract
import Model
import Options

extension JobOptions {
    /// Checks that the axis of classes exists, and that each budget limits something.
    ///
    /// - Parameters:
    ///   - tasks: the tasks of the outputs that are measured, that of the labels first.
    ///   - graph: the network.
    ///   - labels: the labels of the data; nil without any.
    /// - Throws: ``Problem`` that names the option and what would do.
    func checkLimits(of tasks: [PredictionTask], in graph: Graph, labels: Tensor?) throws(Problem) {
        let byLabels = [("max_metric_drop", maxMetricDrop), ("max_class_drop", maxClassDrop)]
        for (name, limit) in byLabels where labels == nil && limit != nil {
            throw Problem(
                .datasetKeyMismatch, "\(name) needs labels, and the data have none",
                hint: "name a key y, or use max_disagreement", pointer: "/\(name)")
        }
        let output = tasks[0].output
        let rank = graph.output(named: output).map { graph.shape($0.value).rank } ?? 0
        if let axis = classAxis, axis >= rank {
            throw Problem(
                .invalidOption, "class_axis \(axis): the output '\(output)' has the axes 0 to \(rank - 1)",
                pointer: "/class_axis")
        }
        for measure in Measure.allCases where measure.limit(self) != nil {
            guard !tasks.contains(where: { $0.kind.measures.contains(measure) }) else { continue }
            let kinds = tasks.map { "'\($0.output)' is taken as \($0.kind.rawValue)\($0.isGuess ? " (a guess)" : "")" }
            throw Problem(
                .invalidOption, "\(measure.option) limits no output of the model: \(kinds.joined(separator: ", "))",
                hint: "use \(tasks[0].kind.measures[0].option), or say the task", pointer: "/\(measure.option)")
        }
    }
}
