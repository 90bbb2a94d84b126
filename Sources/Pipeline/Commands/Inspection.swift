import Collapse
import Compute
import Formats
import Foundation
package import JobContract
import Model
import Options

/// The plan of a job: the contents of a model and its data, and the candidates. No weights are read.
package struct Inspection: Sendable {
    /// The plan as JSON; for a data file alone, its keys.
    package let document: JSONValue
    /// The plan as text.
    package let table: String

    /// - Parameters:
    ///   - path: path of a model, or of data alone.
    ///   - data: path of the data to use with the model.
    /// - Throws: ``Problem`` for an invalid file, or data that do not fit.
    package init(_ path: String, data: String? = nil) throws(Problem) {
        if SourceData.isData(path) {
            let source = try SourceData(path)
            document = ["object": "dataset", "name": .string(source.name), "keys": source.keys]
            table = InspectionTable.keys(document)
            return
        }
        let source = try SourceModel(path, readsQuantized: true)
        let samples = try data.map { (path) throws(Problem) in try SourceData(path) }
        let finding = try Self.lower(source, samples)
        let options = JobOptions().resolved(hasData: samples != nil).all

        var plan = JSONValue.Object()
        plan["object"] = "plan"
        plan["model"] = source.description(of: finding.graph)
        // A quantized model is run and checked, and not compressed.
        let merged =
            try source.document.isQuantized
            ? nil : finding.graph.map { (graph) throws(Problem) in try Self.mergedExactly(graph) }
        let candidates = merged.map { Candidates(in: $0.graph) }
        let sites = merged.map { Sites(in: $0.graph) }
        let regions = sites?.found.filter { $0.region != nil } ?? []
        plan["candidates"] = .array(
            merged.map { merged in
                merged.blocks.map(Self.document)
                    + (candidates?.found ?? []).map { Self.document($0, in: merged.graph) }
                    + regions.map { Self.document($0, in: merged.graph) }
            } ?? [])
        plan["not_collapsible"] = .array(
            (sites?.refusals ?? []).map { ["name": .string($0.name), "reason": .string($0.reason)] })
        let chains = merged.flatMap { merged in
            finding.graph.map { CollapseChains(candidates?.found ?? [], regions, in: merged.graph, of: $0) }
        }
        plan["max_reduction"] = chains?.document ?? ["parameters": 0, "ratio": 1]
        plan["unsupported"] = .array(finding.unsupported.map(Self.document))
        let (described, split) = try Self.describe(samples, for: finding.graph)
        plan["outputs"] = .array(
            finding.graph.map { graph in
                let task = PredictionTask(of: graph, labels: split?.training.labels, output: split?.output)
                return graph.measuredOutputs.isEmpty ? [] : task.all(in: graph).map(\.document)
            } ?? [])
        plan["data"] = described
        plan["estimate"] =
            try finding.graph.flatMap { (graph) throws(Problem) in
                graph.measuredOutputs.isEmpty
                    ? nil : try Self.estimate(graph, candidates?.found ?? [], source, samples, split)
            } ?? .null
        plan["options"] = .object(options)
        plan["warnings"] = .array(Self.warnings(merged?.graph, candidates) + Self.warnings(of: source))
        var notes = finding.notes
        if finding.graph?.measuredOutputs.isEmpty == true { notes.append("no output follows from an input") }
        plan["notes"] = .array(notes.map(JSONValue.string))
        document = .object(plan)
        table = InspectionTable.plan(document)
    }

    private struct Finding {
        var graph: Graph?
        var unsupported: [UnsupportedNode] = []
        var notes: [String] = []
    }

    /// Guesses for sizes that neither file nor data fix. Candidates rarely depend on them.
    private static let guessedSizes = [64, 128, 224]

    private static func lower(_ source: SourceModel, _ data: SourceData?) throws(Problem) -> Finding {
        let batch = CompressionData.defaultBatchSize
        do throws(FormatError) {
            return Finding(graph: try source.lowered(batch: batch, data: data))
        } catch {
            if case .unsupportedOperator(let nodes) = error { return Finding(unsupported: nodes) }
            guard case .shape = error, data == nil else { throw Problem(error, file: source.name) }
            for size in guessedSizes {
                guard let graph = try? source.document.lower(batch: source.batch(batch), samples: source.guess(size))
                else { continue }
                return Finding(graph: graph, notes: ["sizes that the model leaves open are taken as \(size)"])
            }
            throw Problem(error, file: source.name)
        }
    }

    private static func warnings(of source: SourceModel) -> [JSONValue] {
        guard source.document.isQuantized else { return [] }
        let message =
            "the model is quantized: it can be run and checked; compress the float model first, quantize afterwards"
        return [["code": .string(ProblemCode.quantizedModel.rawValue), "message": .string(message)]]
    }

    private static func warnings(_ graph: Graph?, _ candidates: Candidates?) -> [JSONValue] {
        guard let graph, let candidates, !graph.measuredOutputs.isEmpty else { return [] }
        let task = PredictionTask(of: graph)
        guard let obstacle = candidates.obstacle(in: graph, task: task) else { return [] }
        return [["code": "no_gradient", "message": .string(obstacle)]]
    }

    private static func document(_ node: UnsupportedNode) -> JSONValue {
        [
            "node": .int(node.index), "name": .string(node.name), "operator": .string(node.operatorName),
            "opset": .int(node.opset), "gradient_path": .bool(node.isOnGradientPath), "detail": .string("\(node)"),
        ]
    }

    private static func document(_ candidate: Candidate, in graph: Graph) -> JSONValue {
        let profit = Profit(candidate, in: graph)
        return document(
            candidate.name, candidate.kind, (candidate.inFeatures, candidate.hidden, candidate.out), profit,
            isProfitable: profit.isProfitable)
    }

    private static func document(_ site: Site, in graph: Graph) -> JSONValue {
        let profit = Profit(site, in: graph)
        return document(site.name, site.modules, site.widths, profit, isProfitable: profit.isProfitable)
    }

    private static func document(_ block: ExactBlock) -> JSONValue {
        document(
            block.name, block.kind, (block.inFeatures, block.hidden, block.out), block.profit, isProfitable: true)
    }

    private static func document(
        _ name: String, _ kind: String, _ sizes: (input: Int, hidden: Int, output: Int), _ profit: Profit,
        isProfitable: Bool
    ) -> JSONValue {
        [
            "name": .string(name), "kind": .string(kind), "in": .int(sizes.input), "hidden": .int(sizes.hidden),
            "out": .int(sizes.output), "parameters_before": .int(profit.parametersBefore),
            "parameters_after": .int(profit.parametersAfter), "saving": .int(profit.saving),
            "macs_before": .int(profit.macsBefore), "macs_after": .int(profit.macsAfter),
            "profitable": .bool(isProfitable),
        ]
    }

    /// The network with its exact blocks merged, by zeros in place of the weights.
    private static func mergedExactly(_ graph: Graph) throws(Problem) -> (graph: Graph, blocks: [ExactBlock]) {
        do throws(ModelError) { return try graph.mergedExactly(JobOptions(), isComputed: false) } catch {
            throw Problem(error)
        }
    }

    /// The estimate for a job with default options.
    private static func estimate(
        _ graph: Graph, _ candidates: [Candidate], _ source: SourceModel, _ data: SourceData?,
        _ split: DatasetReader.Result?
    ) throws(Problem) -> JSONValue {
        let options = JobOptions().resolved(hasData: split != nil)
        let counts = split.map { split in
            let deciding = split.hasOwnSplit ? Dataset.decidingCount(of: split.validation.count) : nil
            return SampleCounts(
                split.training.count, deciding: deciding, validation: split.validation.count - (deciding ?? 0), options)
        }
        do {
            let memory = try MemoryEstimate(
                compressing: graph,
                PredictionTask(of: graph, labels: split?.training.labels, options: options, output: split?.output),
                counts,
                options, data: DataBytes(data.map { [$0] } ?? []), modelBytes: source.byteCount)
            let work = WorkEstimate(graph, candidates, samples: split?.training.count ?? 0, memory: memory)
            return work.document
        } catch {
            throw Problem(error)
        }
    }

    /// - Returns: `data` of the plan, and its samples.
    private static func describe(
        _ data: SourceData?, for graph: Graph?
    ) throws(Problem) -> (document: JSONValue, split: DatasetReader.Result?) {
        guard let data else { return (.null, nil) }
        guard let graph else { return (["keys": data.keys, "mapping": [:], "samples": nil, "classes": nil], nil) }
        let split = try data.split(for: graph, seed: 0)
        let mapping = split.mapping.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
        let document: JSONValue = [
            "keys": data.keys, "mapping": .object(JSONValue.Object(mapping)),
            "samples": .int(split.training.count + split.validation.count),
            "training_samples": .int(split.training.count), "validation_samples": .int(split.validation.count),
            "has_own_split": .bool(split.hasOwnSplit), "classes": JSONValue(split.classCount),
            "notes": .array(split.notes.map(JSONValue.string)),
        ]
        return (document, split)
    }
}
