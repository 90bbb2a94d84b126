import Collapse
import Compute
import Formats
import Foundation
import JobContract
import Model

/// About how much memory a piece of work takes at its peak.
struct MemoryEstimate: Equatable {
    /// What is allocated: limits of jobs are about this.
    var heapBytes: Int
    /// Files that are read where they lie.
    var mappedBytes: Int

    /// Ops of the network: each takes the code that oneDNN makes for it and what prepares its kernels.
    var opCount = 0

    /// What the program itself takes before it has read anything, with the buffers of the solver.
    private static let programBytes = 46 << 20
    private static let opBytes = 64 << 10

    /// As the system counts a process.
    var peakBytes: Int { Self.programBytes + opCount * Self.opBytes + heapBytes + mappedBytes }
}

extension MemoryEstimate {
    /// Of a compression.
    ///
    /// - Parameters:
    ///   - graph: at the batch size of the work.
    ///   - task: what its output is.
    ///   - counts: of the samples; nil without data.
    ///   - options: with a method.
    ///   - data: of the files.
    ///   - modelBytes: of the model's.
    /// - Throws: ``ModelError`` when there is no memory even for that.
    init(
        compressing graph: Graph, _ task: PredictionTask, _ counts: SampleCounts?, _ options: CompressionOptions,
        data: DataBytes, modelBytes: Int
    ) throws(ModelError) {
        let work = try CompressionMemory(graph, task: task, counts: counts, options: options)
        let sample = graph.sampleBytes
        let copies = sample * (counts.map { $0.copies + $0.validation } ?? 0)
        // While the samples are divided, the arrays that they come from are there too.
        heapBytes = max(data.decoded + copies, copies + work.peakBytes)
        mappedBytes = modelBytes + data.mapped
        opCount = graph.nodes.count
    }

    /// Of plain training on so many samples.
    init(
        training graph: Graph, _ objective: Objective, trainable: Set<Int>, samples: Int, _ options: TrainingOptions,
        data: DataBytes, modelBytes: Int
    ) throws(ModelError) {
        let training = try TrainingMemory(graph, objective, trainable: trainable, sampleCount: samples, options)
        heapBytes = data.decoded + training.peakBytes
        mappedBytes = modelBytes + data.mapped
        opCount = graph.nodes.count
    }

    /// Of running a network over so many samples.
    ///
    /// - Throws: ``ModelError`` when there is no memory even for that.
    init(running graph: Graph, samples: Int, data: DataBytes, modelBytes: Int) throws(ModelError) {
        let outputs = graph.outputs.reduce(0) { $0 + graph.type($1.value).byteCount / graph.batchSize * samples }
        let plan = try ExecutionPlan.byteCount(of: graph, fetching: graph.outputs.map(\.value))
        heapBytes = data.decoded + plan + outputs
        mappedBytes = modelBytes + data.mapped
        opCount = graph.nodes.count
    }
}

extension Graph {
    /// Of the inputs of one sample.
    fileprivate var sampleBytes: Int { inputs.reduce(0) { $0 + type($1).byteCount / batchSize } }
}

/// Of the arrays of data files.
struct DataBytes {
    /// Of those that had to be decoded.
    var decoded = 0
    /// Of those that are read where they lie in the file.
    var mapped = 0

    init(_ files: [SourceData] = []) {
        for array in files.flatMap(\.reader.arrays.values) {
            if array.tensor.storage.isWritable {
                decoded += array.tensor.byteCount
            } else {
                mapped += array.tensor.byteCount
            }
        }
    }
}
