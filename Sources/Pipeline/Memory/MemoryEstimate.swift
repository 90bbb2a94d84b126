import Collapse
import Compute
import Formats
import Foundation
import JobContract
import Model
import Options

/// An estimate of the peak memory of a piece of work.
struct MemoryEstimate: Equatable {
    /// Allocated bytes, to which the memory limits of jobs apply.
    var heapBytes: Int
    /// Bytes of memory-mapped files.
    var mappedBytes: Int

    /// Ops of the network. Each needs memory for the code that oneDNN generates and for its prepared kernels.
    var opCount = 0

    /// The memory of the program before it reads anything, including the solver's buffers.
    private static let programBytes = 46 << 20
    private static let opBytes = 64 << 10

    /// The peak resident size of the process.
    var peakBytes: Int { Self.programBytes + opCount * Self.opBytes + heapBytes + mappedBytes }
}

extension MemoryEstimate {
    /// Estimates a compression.
    ///
    /// - Parameters:
    ///   - graph: the network at the batch size of the work.
    ///   - task: the prediction task of the network.
    ///   - counts: sample counts; nil without data.
    ///   - options: options with a method.
    ///   - data: sizes of the data files' arrays.
    ///   - modelBytes: size of the model files.
    /// - Throws: ``ModelError`` when memory runs out for the estimate itself.
    init(
        compressing graph: Graph, _ task: PredictionTask, _ counts: SampleCounts?, _ options: JobOptions,
        data: DataBytes, modelBytes: Int
    ) throws(ModelError) {
        let work = try CompressionMemory(graph, task: task, counts: counts, options: options)
        let sample = graph.sampleBytes
        let copies = sample * (counts.map { $0.copies + $0.validation } ?? 0)
        // The source arrays are still in memory while the samples are split.
        heapBytes = max(data.decoded + copies, copies + work.peakBytes)
        mappedBytes = modelBytes + data.mapped
        opCount = graph.nodes.count
    }

    /// Estimates plain training on `samples` samples.
    init(
        training graph: Graph, _ objective: Objective, trainable: Set<Int>, samples: Int, _ options: TrainingOptions,
        data: DataBytes, modelBytes: Int
    ) throws(ModelError) {
        let training = try TrainingMemory(graph, objective, trainable: trainable, sampleCount: samples, options)
        heapBytes = data.decoded + training.peakBytes
        mappedBytes = modelBytes + data.mapped
        opCount = graph.nodes.count
    }

    /// Estimates inference over `samples` samples.
    ///
    /// - Throws: ``ModelError`` when memory runs out for the estimate itself.
    init(running graph: Graph, samples: Int, data: DataBytes, modelBytes: Int) throws(ModelError) {
        let outputs = graph.outputs.reduce(0) { $0 + graph.type($1.value).byteCount / graph.batchSize * samples }
        let plan = try ExecutionPlan.byteCount(of: graph, fetching: graph.outputs.map(\.value))
        heapBytes = data.decoded + plan + outputs
        mappedBytes = modelBytes + data.mapped
        opCount = graph.nodes.count
    }
}

extension Graph {
    /// The size of one sample's inputs.
    fileprivate var sampleBytes: Int { inputs.reduce(0) { $0 + type($1).byteCount / batchSize } }
}

/// The sizes of the arrays in data files.
struct DataBytes {
    /// Bytes of arrays that had to be decoded.
    var decoded = 0
    /// Bytes of arrays that are mapped from the file.
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
