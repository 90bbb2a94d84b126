import Compute

extension ExecutionPlan {
    /// The bytes that a plan would take, without allocating them: the inputs, the arena, and the kernels' own memory.
    ///
    /// - Parameters:
    ///   - graph: the graph to run.
    ///   - fetching: the values to read after a run.
    ///   - updates: the updates of parameters; they are not prepared.
    /// - Returns: bytes, without the parameters.
    /// - Throws: ``ModelError`` as the plan itself does.
    package static func byteCount(
        of graph: Graph, fetching: [ValueID], updates: [Update] = []
    ) throws(ModelError) -> Int {
        var (graph, fetching) = (graph, fetching)
        if updates.isEmpty { (graph, fetching) = try graph.prepared(fetching: fetching, trained: []) }
        try graph.fuse(seen: fetching + updates.map(\.gradient))
        let lifetimes = Lifetimes(of: graph, fetching: fetching, updates: updates)
        let buffers = graph.values.filter { lifetimes.ownsBuffer($0) }.map { root in
            MemoryPlan.Buffer(byteCount: graph.type(root).byteCount, lifetime: lifetimes.ranges[root.index])
        }
        let inputs = graph.inputs.reduce(0) { $0 + graph.type($1).byteCount }
        let needed = graph.values.filter { lifetimes.isNeeded[$0.index] }
        let scratch = (needed.map(graph.scratchBytes).max() ?? 0) + needed.map(graph.keptBytes).reduce(0, +)
        return inputs + MemoryPlan(buffers).byteCount + scratch
    }
}

extension ValueType {
    /// The bytes of a value of this type.
    package var byteCount: Int { shape.elementCount * element.byteCount }
}

extension Graph {
    /// The bytes that the kernel of an op keeps between runs.
    fileprivate func keptBytes(_ value: ValueID) -> Int {
        switch self[value].op {
        case .attention(let attention, _): attention.scratchByteCount(isBackward: false)
        case .attentionGradient(let attention, _): attention.scratchByteCount(isBackward: true)
        case .convolution, .fusedConvolution, .convolutionDataGradient: type(self[value].operands[1]).byteCount
        default: 0
        }
    }

    /// The bytes of scratch memory of the kernel of an op.
    fileprivate func scratchBytes(_ value: ValueID) -> Int {
        let node = self[value]
        switch node.op {
        case .crossEntropy, .binaryCrossEntropy, .distillationGradient: return type(node.operands[0]).byteCount
        case .chain(let chain): return chain.scratchByteCount(operands: Set(node.operands).count)
        case .distillation: return 3 * type(node.operands[0]).byteCount
        default: return 0
        }
    }
}
