import Compute
import Model

/// Measures the time of a run on this machine, in the runtime of the product: of networks at the batch size of the job, and
/// of the products that a plan would add up to.
///
/// Each is measured once, since a time does not depend on the numbers of the weights, and is kept with the checkpoints, so
/// that a resumed search decides by the same times.
final class RunTimer {
    private let samples: Dataset
    private let keeper: CheckpointKeeper
    /// Nanoseconds, by the sizes of what was measured.
    private var known: [[Int64]: Int] = [:]

    private static let work = "times"
    private static let keyLength = 4
    private static let warmUp = 2
    private static let rounds = 5...100
    /// The time that a measurement takes, beyond the fewest rounds.
    private let timeLimit: Duration

    /// A product `[rows, input] x [input, output]`, with an activation behind it or not.
    struct Product: Hashable {
        let rows: Int
        let input: Int
        let output: Int
        var isActivated = false
    }

    /// - Parameters:
    ///   - samples: samples of the network; one batch of them is run.
    ///   - keeper: the keeper of checkpoints.
    ///   - decides: whether networks are chosen by their times, which are then measured longer.
    init(_ samples: Dataset, _ keeper: CheckpointKeeper, decides: Bool = false) {
        (self.samples, self.keeper) = (samples, keeper)
        timeLimit = .milliseconds(decides ? 300 : 50)
        let kept = keeper.find(Self.work)?.tensors["times"].flatMap { $0.type == .int64 ? $0.int64s : nil } ?? []
        for start in stride(from: 0, to: kept.count - Self.keyLength, by: Self.keyLength + 1) {
            known[Array(kept[start..<(start + Self.keyLength)])] = Int(kept[start + Self.keyLength])
        }
    }

    /// The median time of a run of a network, in nanoseconds per batch.
    ///
    /// - Throws: ``ModelError`` when it cannot be run.
    func nanoseconds(of graph: Graph) throws(ModelError) -> Int {
        // Networks of one job with as many ops, weights and multiply-adds have the same sizes.
        let key = [0, graph.nodes.count, graph.parameterCount, graph.macs].map(Int64.init)
        return try measured(key, isEnd: true) { () throws(ModelError) in
            let batch = samples.samples(0..<min(graph.batchSize, samples.count))
            return (try Inference(graph, fetching: graph.measuredOutputs.map(\.value)), batch)
        }
    }

    /// The median time of a product, in nanoseconds.
    ///
    /// - Throws: ``ModelError`` when there is no memory.
    func nanoseconds(of product: Product) throws(ModelError) -> Int {
        let key = [product.isActivated ? 2 : 1, product.rows, product.input, product.output].map(Int64.init)
        return try measured(key, isEnd: false) { () throws(ModelError) in
            var graph = Graph()
            let (shape, x) = try computing {
                (
                    try Shape([product.output, product.input]),
                    try Tensor(zeros: Shape([product.rows, product.input]))
                )
            }
            let input = graph.addInput("x", .float(x.shape))
            let weight = Parameter(name: "w", tensor: try computing { try Tensor(zeros: shape) }, isTrainable: false)
            var value = try graph.append(
                .matMul(transposeLeft: false, transposeRight: true), [input, graph.addParameter(weight)], name: "y")
            if product.isActivated { value = try graph.append(.unary(.gelu), [value], name: "z") }
            graph.addOutput("out", value)
            return (try Inference(graph, fetching: [value]), Dataset(inputs: ["x": x], count: product.rows))
        }
    }

    private func measured(
        _ key: [Int64], isEnd: Bool, _ make: () throws(ModelError) -> (Inference, Dataset)
    ) throws(ModelError) -> Int {
        if let time = known[key] { return time }
        let (inference, batch) = try make()
        let clock = ContinuousClock()
        var times: [Int] = []
        for round in 0..<(Self.warmUp + Self.rounds.upperBound) {
            let start = clock.now
            try inference.forEachBatch(of: batch) { _, _ in }
            if round >= Self.warmUp { times.append(Int((clock.now - start) / .nanoseconds(1))) }
            let spent = times.reduce(0, +)
            if times.count >= Self.rounds.lowerBound, Duration.nanoseconds(spent) > timeLimit { break }
        }
        let time = times.sorted()[times.count / 2]
        known[key] = time
        let numbers = known.sorted { $0.key.lexicographicallyPrecedes($1.key) }.flatMap { $0.key + [Int64($0.value)] }
        let tensor = try computing { try Tensor(numbers, Shape([numbers.count])) }
        keeper.offer(Self.work, isEnd) { Checkpoint(step: known.count, tensors: ["times": tensor]) }
        return time
    }
}

extension Site {
    /// The products that the site computes.
    ///
    /// - Parameters:
    ///   - choice: what stands in its place; nil for the site as it is.
    ///   - batchSize: the number of samples of a run.
    /// - Returns: the products, in order.
    func products(of choice: Choice?, batchSize: Int) -> [RunTimer.Product] {
        let (rows, (d, hidden, o)) = (rows * batchSize, widths)
        func product(_ input: Int, _ output: Int, isActivated: Bool = false) -> RunTimer.Product {
            RunTimer.Product(rows: rows, input: input, output: output, isActivated: isActivated)
        }
        func block(_ channels: Int) -> [RunTimer.Product] {
            (0..<layersBefore).map { product(d, channels, isActivated: $0 == 0) } + [product(channels, o)]
        }
        switch (choice, kind) {
        case (nil, .table): return []
        case (.lowRank(let rank), .table): return [product(rank, o)]
        case (nil, .layer), (.affine, _): return [product(d, o)]
        case (nil, .region(let region)):
            return region.layers.map { product($0.inFeatures, $0.outFeatures, isActivated: true) }
        case (nil, _): return block(hidden)
        case (.lowRank(let rank), _): return [product(d, rank), product(rank, o)]
        case (.width(let channels), _): return block(channels)
        case (.path(let rank, let channels), _): return block(channels) + [product(d, rank), product(rank, o)]
        case (.partial(let channels), _): return block(channels) + [product(d, o)]
        }
    }
}
