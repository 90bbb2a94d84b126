import Compute
import Model

extension ONNXLowering {
    /// Recurrent layers, unrolled over time.
    static let recurrent: [String: ONNXOperator] = [
        "GRU": ONNXOperator { try $0.recurrent($1, .gru) },
        "LSTM": ONNXOperator { try $0.recurrent($1, .lstm) },
        "RNN": ONNXOperator { try $0.recurrent($1, .rnn) },
    ]

    /// The kind of a recurrent layer.
    private enum Cell {
        case gru, lstm, rnn

        var gateCount: Int {
            switch self {
            case .gru: 3
            case .lstm: 4
            case .rnn: 1
            }
        }

        /// The functions of one direction: of the gates, then of the candidate and the state.
        var activations: [String] {
            switch self {
            case .gru: ["Sigmoid", "Tanh"]
            case .lstm: ["Sigmoid", "Tanh", "Tanh"]
            case .rnn: ["Tanh"]
            }
        }
    }

    /// The maximum number of steps of a layer, over its directions.
    private static let stepLimit = 10_000

    /// The weights and the settings of one direction of a recurrent layer with `H` hidden features and `G` gates.
    private struct Direction {
        var isReverse: Bool
        var activations: [UnaryKind]
        var clip: Float?
        var hidden: Int
        /// `[B, H]`.
        var state: ValueID
        /// `[B, H]`; of an LSTM alone.
        var memory: ValueID?
        /// `[T, B, G * H]`: the products of the input with its weight, with the biases.
        var driven: ValueID
        /// `[G * H, H]`; of a GRU the rows of both gates, then those of the candidate.
        var weights: [ValueID]
        /// `[H]`: the bias inside the reset of a GRU.
        var resetBias: ValueID?
        /// `[1, H]` each: the peepholes of an LSTM onto the gates i, o and f; may be empty.
        var peepholes: [ValueID] = []
        /// `[B]` of int64, unless all sequences have all steps.
        var lengths: ValueID?
    }

    /// Lowers a recurrent layer to the ops of each of its steps, whose number must be known.
    ///
    /// - SeeAlso: onnx/Operators.md#LSTM, #GRU and #RNN
    private mutating func recurrent(_ node: NodeView, _ cell: Cell) throws(FormatError) {
        guard try shape(node, 0).rank == 3, try shape(node, 1).rank == 3, try shape(node, 2).rank == 3 else {
            throw unfit(node, "its input and weights must have three axes")
        }
        guard !node.flag("input_forget") else { throw node.unsupported(" with input_forget") }
        let isBatchFirst = node.flag("layout")
        var x = try operand(node, 0)
        if isBatchFirst { x = try emit(.transpose([1, 0, 2]), [x], node) }
        let (steps, batch, width) = (graph.shape(x)[0], graph.shape(x)[1], graph.shape(x)[2])
        let (w, r) = (try shape(node, 1), try shape(node, 2))
        let (count, hidden) = (w[0], r[2])
        let rows = cell.gateCount * hidden
        guard w.dimensions == [count, rows, width], r.dimensions == [count, rows, hidden], hidden > 0, steps > 0 else {
            throw unfit(node, "an input of shape \(graph.shape(x)) does not fit weights of shapes \(w) and \(r)")
        }
        let kinds = ["forward": [false], "reverse": [true], "bidirectional": [false, true]]
        guard let directions = kinds[node.string("direction") ?? "forward"], directions.count == count else {
            throw unfit(node, "its direction does not fit weights of shape \(w)")
        }
        guard steps <= Self.stepLimit / count else {
            throw .tooLarge("node \(node.description): \(steps) steps; at most \(Self.stepLimit / count) can be run")
        }
        let functions = try activations(node, cell, count)
        let lengths = try lengths(node, steps: steps, batch: batch)

        var results: [[ValueID]] = []
        var (lastStates, lastMemories): ([ValueID], [ValueID]) = ([], [])
        for (index, isReverse) in directions.enumerated() {
            var direction = try direction(
                node, cell, index, x: x, isBatchFirst: isBatchFirst,
                sizes: (batch: batch, width: width, hidden: hidden, rows: rows))
            direction.isReverse = isReverse
            direction.activations = functions[index]
            direction.lengths = lengths
            results.append(try run(&direction, cell, steps: steps, node))
            lastStates.append(direction.state)
            if let memory = direction.memory { lastMemories.append(memory) }
        }
        if let name = node.output(0) {
            let sequences = try results.map { (states) throws(FormatError) in
                try joined(
                    states.map { (state) throws(FormatError) in
                        try reshaped(state, [1, 1, batch, hidden], node)
                    }, axis: 0, node)
            }
            try give(name, try joined(sequences, axis: 1, node), isBatchFirst ? [2, 0, 1, 3] : nil, node)
        }
        for (position, last) in [(1, lastStates), (2, lastMemories)] where !last.isEmpty {
            guard let name = node.output(position) else { continue }
            let parts = try last.map { (state) throws(FormatError) in try reshaped(state, [1, batch, hidden], node) }
            try give(name, try joined(parts, axis: 0, node), isBatchFirst ? [1, 0, 2] : nil, node)
        }
    }

    private mutating func give(
        _ name: String, _ value: ValueID, _ permutation: [Int]?, _ node: NodeView
    ) throws(FormatError) {
        guard let permutation else { return define(name, .computed(value)) }
        define(name, .computed(try emit(.transpose(permutation), [value], node, name: name)))
    }

    /// The functions of each direction.
    private func activations(_ node: NodeView, _ cell: Cell, _ count: Int) throws(FormatError) -> [[UnaryKind]] {
        let kinds: [String: UnaryKind] = [
            "Relu": .relu, "Tanh": .tanh, "Sigmoid": .sigmoid, "Softsign": .softsign, "Softplus": .softplus,
            "LeakyRelu": .leakyRelu(slope: 0.01), "Elu": .elu(alpha: 1),
            "HardSigmoid": .hardSigmoid(alpha: 0.2, beta: 0.5),
        ]
        let numbered: Set<String> = ["LeakyRelu", "Elu", "HardSigmoid"]
        let hasNumbers = node.floats("activation_alpha") != nil || node.floats("activation_beta") != nil
        let each = cell.activations.count
        let names = node.strings("activations") ?? (0..<count).flatMap { _ in cell.activations }
        guard names.count == each * count else { throw unfit(node, "\(names.count) activations") }
        let functions = try names.map { (name) throws(FormatError) in
            guard let kind = kinds[name], !(hasNumbers && numbered.contains(name)) else {
                throw node.unsupported(" with the activation \(name)")
            }
            return kind
        }
        return (0..<count).map { Array(functions[($0 * each)..<(($0 + 1) * each)]) }
    }

    /// The lengths of the sequences, or nil when all are whole.
    private mutating func lengths(_ node: NodeView, steps: Int, batch: Int) throws(FormatError) -> ValueID? {
        guard node.hasInput(4) else { return nil }
        guard try shape(node, 4).dimensions == [batch] else {
            throw unfit(node, "it needs one length for each sequence")
        }
        if let known = known(try node.input(4)), known.type == .int32, known.int32s.allSatisfy({ $0 == steps }) {
            return nil
        }
        return try emit(.cast(.int64), [try operand(node, 4)], node)
    }

    /// A direction before its first step.
    private mutating func direction(
        _ node: NodeView, _ cell: Cell, _ index: Int, x: ValueID, isBatchFirst: Bool,
        sizes: (batch: Int, width: Int, hidden: Int, rows: Int)
    ) throws(FormatError) -> Direction {
        let (hidden, rows) = (sizes.hidden, sizes.rows)
        let w = try part(node, 1, index, [rows, sizes.width])
        let weight = try part(node, 2, index, [rows, hidden])
        let driven = try emit(.matMul(transposeLeft: false, transposeRight: true), [x, w], node)
        var result = Direction(
            isReverse: false, activations: [], clip: node.float("clip"), hidden: hidden, state: driven, driven: driven,
            weights: cell == .gru ? try self.rows(of: weight, [2 * hidden, hidden], node) : [weight])
        if node.hasInput(3) {
            let both = try part(node, 3, index, [2 * rows])
            var biases = try self.rows(of: both, [rows, rows], node)
            if cell == .gru, node.flag("linear_before_reset") {
                // The last part lies inside the product with the reset gate.
                let parts = try self.rows(of: biases[1], [2 * hidden, hidden], node)
                let zeros = try emit(.broadcast(try sized([hidden], node)), [try factor(0, node)], node)
                result.resetBias = parts[1]
                biases[1] = try emit(.concat(axis: 0), [parts[0], zeros], node)
            }
            let bias = try emit(.binary(.add), biases, node)
            result.driven = try emit(.binary(.add), [driven, bias], node)
        }
        result.state = try initial(node, 5, index, isBatchFirst, [sizes.batch, hidden])
        guard cell == .lstm else { return result }
        result.memory = try initial(node, 6, index, isBatchFirst, [sizes.batch, hidden])
        if node.hasInput(7) {
            result.peepholes = try self.rows(of: try part(node, 7, index, [3, hidden]), [1, 1, 1], node)
        }
        return result
    }

    /// The value cut along its first axis.
    private mutating func rows(of value: ValueID, _ counts: [Int], _ node: NodeView) throws(FormatError) -> [ValueID] {
        var (parts, start): ([ValueID], Int) = ([], 0)
        for count in counts {
            parts.append(try emit(.slice(axis: 0, start: start, count: count), [value], node))
            start += count
        }
        return parts
    }

    private func sized(_ sizes: [Int], _ node: NodeView) throws(FormatError) -> Shape {
        try shaped(node) { () throws(ShapeError) in try Shape(sizes) }
    }

    /// The part of an operand that belongs to a direction.
    private mutating func part(
        _ node: NodeView, _ position: Int, _ index: Int, _ sizes: [Int]
    ) throws(FormatError) -> ValueID {
        let shape = try shape(node, position)
        guard shape.rank > 0, index < shape[0], shape.elementCount == shape[0] * sizes.reduce(1, *) else {
            throw unfit(node, "operand \(position) has the shape \(shape)")
        }
        let part = try emit(.slice(axis: 0, start: index, count: 1), [try operand(node, position)], node)
        return try reshaped(part, sizes, node)
    }

    /// The state before the first step; zero when the node has none.
    private mutating func initial(
        _ node: NodeView, _ position: Int, _ index: Int, _ isBatchFirst: Bool, _ sizes: [Int]
    ) throws(FormatError) -> ValueID {
        guard node.hasInput(position) else {
            return try emit(.broadcast(try sized(sizes, node)), [try factor(0, node)], node)
        }
        guard isBatchFirst else { return try part(node, position, index, sizes) }
        let whole = try operand(node, position)
        guard graph.shape(whole).rank == 3, index < graph.shape(whole)[1] else {
            throw unfit(node, "operand \(position) has the shape \(graph.shape(whole))")
        }
        return try reshaped(try emit(.slice(axis: 1, start: index, count: 1), [whole], node), sizes, node)
    }

    /// Appends all steps of a direction, and leaves its last state.
    ///
    /// - Returns: the results by time, each `[B, H]`; zero behind the end of a sequence.
    private mutating func run(
        _ direction: inout Direction, _ cell: Cell, steps: Int, _ node: NodeView
    ) throws(FormatError) -> [ValueID] {
        var results: [(time: Int, value: ValueID)] = []
        for time in direction.isReverse ? Array((0..<steps).reversed()) : Array(0..<steps) {
            try count()
            var driven = try emit(.slice(axis: 0, start: time, count: 1), [direction.driven], node)
            driven = try reshaped(driven, Array(graph.shape(direction.driven).dimensions.dropFirst()), node)
            let (state, memory) =
                switch cell {
                case .rnn: (try rnnStep(direction, driven, node), nil as ValueID?)
                case .gru: (try gruStep(direction, driven, node), nil)
                case .lstm: try lstmStep(direction, driven, node)
                }
            guard let lengths = direction.lengths else {
                (direction.state, direction.memory) = (state, memory)
                results.append((time, state))
                continue
            }
            let now = try emit(.constant(try node.tensor([Int64(time)], [])), [], node)
            let isRunning = try emit(.compare(.less), [now, lengths], node)
            let mask = try reshaped(isRunning, graph.shape(lengths).dimensions + [1], node)
            results.append((time, try emit(.select, [mask, state, try factor(0, node)], node)))
            direction.state = try emit(.select, [mask, state, direction.state], node)
            if let memory, let old = direction.memory {
                direction.memory = try emit(.select, [mask, memory, old], node)
            }
        }
        return results.sorted { $0.time < $1.time }.map(\.value)
    }

    /// The value under a function of a direction, clipped before it.
    private mutating func activated(
        _ value: ValueID, _ function: Int, _ direction: Direction, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        var value = value
        if let clip = direction.clip {
            value = try emit(.unary(.clip(minimum: -clip, maximum: clip)), [value], node)
        }
        return try emit(.unary(direction.activations[function]), [value], node)
    }

    /// The product of a state `[B, H]` and rows of the recurrent weight.
    private mutating func recurred(
        _ state: ValueID, _ weight: ValueID, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        try emit(.matMul(transposeLeft: false, transposeRight: true), [state, weight], node)
    }

    /// `H' = f(driven + H R)`.
    private mutating func rnnStep(
        _ direction: Direction, _ driven: ValueID, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        let sum = try emit(.binary(.add), [driven, try recurred(direction.state, direction.weights[0], node)], node)
        return try activated(sum, 0, direction, node)
    }

    /// `H' = (1 - z) c + z H`, with the gates in the order z, r, c.
    private mutating func gruStep(
        _ direction: Direction, _ driven: ValueID, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        let hidden = direction.hidden
        func gates(_ start: Int, _ count: Int) -> Op {
            .slice(axis: 1, start: start * hidden, count: count * hidden)
        }
        let recurrent = try recurred(direction.state, direction.weights[0], node)
        let sums = try emit(.binary(.add), [try emit(gates(0, 2), [driven], node), recurrent], node)
        let open = try activated(sums, 0, direction, node)
        let update = try emit(gates(0, 1), [open], node)
        let reset = try emit(gates(1, 1), [open], node)
        let remembered: ValueID
        if node.flag("linear_before_reset") {
            var product = try recurred(direction.state, direction.weights[1], node)
            if let bias = direction.resetBias { product = try emit(.binary(.add), [product, bias], node) }
            remembered = try emit(.binary(.multiply), [reset, product], node)
        } else {
            let part = try emit(.binary(.multiply), [reset, direction.state], node)
            remembered = try recurred(part, direction.weights[1], node)
        }
        let sum = try emit(.binary(.add), [try emit(gates(2, 1), [driven], node), remembered], node)
        let candidate = try activated(sum, 1, direction, node)
        let difference = try emit(.binary(.subtract), [direction.state, candidate], node)
        return try emit(.binary(.add), [candidate, try emit(.binary(.multiply), [update, difference], node)], node)
    }

    /// `C' = f C + i c` and `H' = o h(C')`, with the gates in the order i, o, f, c.
    private mutating func lstmStep(
        _ direction: Direction, _ driven: ValueID, _ node: NodeView
    ) throws(FormatError) -> (state: ValueID, memory: ValueID?) {
        guard let old = direction.memory else { preconditionFailure("an LSTM has a memory") }
        let sum = try emit(.binary(.add), [driven, try recurred(direction.state, direction.weights[0], node)], node)
        let gates = try (0..<4).map { (gate) throws(FormatError) in
            try emit(.slice(axis: 1, start: gate * direction.hidden, count: direction.hidden), [sum], node)
        }
        let input = try activated(try seen(gates[0], old, 0, direction, node), 0, direction, node)
        let forget = try activated(try seen(gates[2], old, 2, direction, node), 0, direction, node)
        let candidate = try activated(gates[3], 1, direction, node)
        let kept = try emit(.binary(.multiply), [forget, old], node)
        let memory = try emit(
            .binary(.add), [kept, try emit(.binary(.multiply), [input, candidate], node)], node)
        let output = try activated(try seen(gates[1], memory, 1, direction, node), 0, direction, node)
        let shown = try emit(.unary(direction.activations[2]), [memory], node)
        return (try emit(.binary(.multiply), [output, shown], node), memory)
    }

    /// A gate with its peephole onto the memory, if the layer has any.
    private mutating func seen(
        _ gate: ValueID, _ memory: ValueID, _ row: Int, _ direction: Direction, _ node: NodeView
    ) throws(FormatError) -> ValueID {
        guard !direction.peepholes.isEmpty else { return gate }
        let seen = try emit(.binary(.multiply), [direction.peepholes[row], memory], node)
        return try emit(.binary(.add), [gate, seen], node)
    }
}
