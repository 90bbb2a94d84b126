package import Compute

/// A graph prepared to run: every buffer has its place in one arena, every kernel is prepared, and a run is a flat list
/// of calls. A class because it owns the arena and the steps.
package final class ExecutionPlan {
    /// An in-place change of a parameter, once its gradient is known and its old values are no longer read.
    package struct Update {
        let parameter: ValueID
        let gradient: ValueID
        let prepare: (_ parameter: Tensor, _ gradient: Tensor) throws(ModelError) -> Step

        package init(
            parameter: ValueID, gradient: ValueID,
            prepare: @escaping (_ parameter: Tensor, _ gradient: Tensor) throws(ModelError) -> Step
        ) {
            (self.parameter, self.gradient, self.prepare) = (parameter, gradient, prepare)
        }
    }

    private let graph: Graph
    private var steps: [Step] = []
    /// The phase of each step and the nanoseconds it has taken; they are measured only for a profile.
    private var phases: [StepProfile.Phase] = []
    private var nanoseconds: [UInt64] = []
    private var runCount = 0
    /// The memory of each value; nil for a value that the plan does not need.
    private var tensors: [Tensor?]
    /// The bytes of the arena, the inputs and the scratch memory, without the parameters.
    package private(set) var byteCount = 0

    /// - Parameters:
    ///   - graph: the graph to run.
    ///   - fetching: the values to read after a run.
    ///   - updates: the updates of parameters in each run; those parameters become copies that the plan owns.
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory or no kernel.
    package init(_ graph: Graph, fetching: [ValueID], updates: [Update] = []) throws(ModelError) {
        var fused = graph
        let seen = fetching + updates.map(\.gradient)
        try fused.fuse(seen: seen)
        self.graph = fused
        tensors = [Tensor?](repeating: nil, count: graph.nodes.count)
        let lifetimes = Lifetimes(of: fused, fetching: fetching, updates: updates)
        try placeLeaves(lifetimes, updated: Set(updates.map(\.parameter)))
        let blocks = ChannelBlocks(of: fused, isNeeded: lifetimes.isNeeded, seen: seen)
        try placeBuffers(lifetimes, blocks)
        try prepareSteps(lifetimes, updates, forwardEnd: fetching.map(\.index).max() ?? 0)
        try placeScratch()
        if StepProfile.shared != nil { nanoseconds = [UInt64](repeating: 0, count: steps.count) }
    }

    /// The memory of an input, to write before a run; of a parameter; or of a fetched value, to read after a run.
    package func tensor(_ value: ValueID) -> Tensor {
        guard let tensor = tensors[value.index] else { preconditionFailure("value \(value.index) is not in the plan") }
        return tensor
    }

    package func run() {
        guard StepProfile.shared != nil else {
            for step in steps { step.run() }
            return
        }
        // The first run includes one-time preparations.
        runCount += 1
        for (index, step) in steps.enumerated() {
            let started = StepProfile.now()
            step.run()
            if runCount > 1 { nanoseconds[index] += StepProfile.now() - started }
        }
    }

    deinit {
        guard let profile = StepProfile.shared, runCount > 1 else { return }
        for (index, step) in steps.enumerated() {
            profile.record(step, phases[index], calls: runCount - 1, nanoseconds: nanoseconds[index])
        }
        profile.write()
    }

    private func placeLeaves(_ lifetimes: Lifetimes, updated: Set<ValueID>) throws(ModelError) {
        for value in graph.values where lifetimes.isNeeded[value.index] {
            switch graph[value].op {
            case .input:
                let tensor = try allocate(graph.type(value))
                tensors[value.index] = tensor
                byteCount += tensor.byteCount
            case .parameter(let index) where updated.contains(value):
                tensors[value.index] = try copy(graph.parameters[index].tensor)
            case .parameter(let index):
                tensors[value.index] = graph.parameters[index].tensor
                tensors[value.index]?.isFixed = true
            case .constant(let tensor):
                tensors[value.index] = tensor
                tensors[value.index]?.isFixed = true
            default: break
            }
        }
    }

    private func placeBuffers(_ lifetimes: Lifetimes, _ blocks: ChannelBlocks) throws(ModelError) {
        let roots = graph.values.filter { lifetimes.ownsBuffer($0) }
        let memory = MemoryPlan(
            roots.map { root in
                let type = graph.type(root)
                return .init(
                    byteCount: type.shape.elementCount * type.element.byteCount,
                    lifetime: lifetimes.ranges[root.index])
            })
        let arena: TensorStorage
        arena = try computing { try TensorStorage(byteCount: memory.byteCount) }
        byteCount += memory.byteCount
        for (root, offset) in zip(roots, memory.offsets) {
            let type = graph.type(root)
            tensors[root.index] = Tensor(type.element, type.shape, in: arena, byteOffset: offset)
        }
        for value in graph.values where lifetimes.isNeeded[value.index] && tensors[value.index] == nil {
            guard let root = tensors[lifetimes.roots[value.index].index] else { continue }
            let type = graph.type(value)
            tensors[value.index] = Tensor(
                type.element, type.shape, in: root.storage,
                byteOffset: root.byteOffset + lifetimes.offsets[value.index])
        }
        for value in graph.values where blocks.isBlocked[value.index] { tensors[value.index]?.block = channelBlock }
    }

    private func prepareSteps(_ lifetimes: Lifetimes, _ updates: [Update], forwardEnd: Int) throws(ModelError) {
        for value in graph.values where lifetimes.isNeeded[value.index] {
            if !lifetimes.isView[value.index], let result = tensors[value.index] {
                let operands = graph[value].operands.map(tensor)
                if let step = try computing({
                    try graph[value].op.step(operands, into: result)
                }) {
                    steps.append(step)
                    phases.append(value.index > forwardEnd ? .backward : .forward)
                }
            }
            for update in updates where lifetimes.turn(of: update) == value.index {
                steps.append(try update.prepare(tensor(update.parameter), tensor(update.gradient)))
                phases.append(.update)
            }
        }
    }

    /// Places the scratch memory of all steps in one storage of the largest size, because steps run one at a time.
    private func placeScratch() throws(ModelError) {
        let byteCounts = steps.compactMap(\.scratch?.byteCount)
        guard let largest = byteCounts.max(), largest > 0 else { return }
        let storage: TensorStorage
        storage = try computing { try TensorStorage(byteCount: largest) }
        byteCount += largest
        for step in steps { step.scratch?.place(in: storage) }
    }

    private func allocate(_ type: ValueType) throws(ModelError) -> Tensor {
        try computing { try Tensor(type.element, zeros: type.shape) }
    }

    private func copy(_ tensor: Tensor) throws(ModelError) -> Tensor { try computing { try tensor.clone() } }
}
