package import Compute

/// The index of a node, and so of its result, in ``Graph/nodes``.
package struct ValueID: Hashable, Comparable, Sendable {
    package let index: Int
    package init(index: Int) { self.index = index }
    package static func < (left: ValueID, right: ValueID) -> Bool { left.index < right.index }
}

/// The element type and shape of a value.
package struct ValueType: Hashable, Sendable {
    package let element: ElementType
    package let shape: Shape

    package init(_ element: ElementType, _ shape: Shape) { (self.element, self.shape) = (element, shape) }

    package init(_ tensor: Tensor) { self.init(tensor.type, tensor.shape) }
    package static func float(_ shape: Shape) -> ValueType { ValueType(.float32, shape) }
}

/// The document nodes that a node was lowered from.
package struct Origin: Hashable, Sendable {
    /// Indices of document nodes, ascending.
    package var nodes: [Int]
    /// True when the node replaces those document nodes, instead of being equivalent to them.
    package var isReplacement: Bool
    /// True when the node replaces them by a result of another size.
    package var isResized: Bool

    package static let none = Origin(nodes: [])
    package init(nodes: [Int], isReplacement: Bool = false, isResized: Bool = false) {
        (self.nodes, self.isReplacement, self.isResized) = (nodes, isReplacement, isResized)
    }
}

/// A tensor that belongs to the network: a weight, a bias, a statistic.
package struct Parameter: Sendable {
    /// The initializer's name in the document; a fresh name when `isNew`.
    package var name: String
    package var tensor: Tensor
    /// False for constants and for the running statistics of a BatchNorm.
    package var isTrainable: Bool
    /// True when a rewrite added it, so that the document does not have it yet.
    package var isNew: Bool

    package init(name: String, tensor: Tensor, isTrainable: Bool, isNew: Bool = false) {
        (self.name, self.tensor, self.isTrainable, self.isNew) = (name, tensor, isTrainable, isNew)
    }
}

package struct Node: Sendable {
    package let op: Op
    package let operands: [ValueID]
    package let type: ValueType
    /// The name of the result in the document, if it has one.
    package var name: String
    /// The module path, such as `classifier.4`, if the file has one.
    package var scope: String
    package var origin: Origin
}

/// A network, as an array of nodes in evaluation order (static single assignment), with all sizes known.
package struct Graph: Sendable {
    package private(set) var nodes: [Node] = []
    package private(set) var parameters: [Parameter] = []
    package private(set) var inputs: [ValueID] = []
    package private(set) var outputs: [(name: String, value: ValueID)] = []

    /// - Parameter parameters: the parameters that appended `.parameter` ops refer to.
    package init(parameters: [Parameter] = []) { self.parameters = parameters }

    package subscript(value: ValueID) -> Node { nodes[value.index] }
    package func type(_ value: ValueID) -> ValueType { nodes[value.index].type }
    package func shape(_ value: ValueID) -> Shape { nodes[value.index].type.shape }
    package var values: [ValueID] { nodes.indices.map(ValueID.init(index:)) }

    /// Appends an input.
    ///
    /// - Parameters:
    ///   - name: the name of the input in the data.
    ///   - type: the type of a batch.
    ///   - valueName: the name of the input's value, if it is another.
    /// - Returns: the value.
    package mutating func addInput(_ name: String, _ type: ValueType, valueName: String? = nil) -> ValueID {
        let node = Node(op: .input(name), operands: [], type: type, name: valueName ?? name, scope: "", origin: .none)
        let value = add(node)
        inputs.append(value)
        return value
    }

    package mutating func addParameter(_ parameter: Parameter) -> ValueID {
        parameters.append(parameter)
        let type = ValueType(parameter.tensor)
        let op = Op.parameter(parameters.count - 1)
        return add(Node(op: op, operands: [], type: type, name: parameter.name, scope: "", origin: .none))
    }

    /// Appends an op on existing values, with the type that follows from theirs.
    ///
    /// - Throws: ``ModelError/shape(value:_:)`` or ``ModelError/elementType(value:expected:found:)`` when the operands
    ///   do not fit: an ill-typed graph cannot be built.
    @discardableResult
    package mutating func append(
        _ op: Op, _ operands: [ValueID], name: String = "", scope: String = "", origin: Origin = .none
    ) throws(ModelError) -> ValueID {
        precondition(operands.allSatisfy { $0.index < nodes.count }, "operands exist before the op that uses them")
        if let (expected, found) = op.elementTypeMismatch(operands.map { type($0).element }) {
            throw .elementType(value: name.isEmpty ? scope : name, expected: expected, found: found)
        }
        do {
            let type = try op.infer(operands.map(type), parameters: parameters)
            return add(Node(op: op, operands: operands, type: type, name: name, scope: scope, origin: origin))
        } catch {
            throw .shape(value: name.isEmpty ? scope : name, error)
        }
    }

    package mutating func addOutput(_ name: String, _ value: ValueID) { outputs.append((name, value)) }

    /// Appends a node of another graph, whose operands here have the types that they have there.
    mutating func add(_ node: Node, reading operands: [ValueID]) -> ValueID {
        add(
            Node(
                op: node.op, operands: operands, type: node.type, name: node.name, scope: node.scope,
                origin: node.origin))
    }

    /// Replaces the op that computes `value`. Operands used only by the old op become dead code.
    ///
    /// - Parameters:
    ///   - value: the value; its name, scope and origin are kept.
    ///   - op: the new op.
    ///   - operands: values before this one.
    /// - Throws: ``ModelError/shape(value:_:)`` when the new op has another type.
    mutating func recompute(_ value: ValueID, by op: Op, _ operands: [ValueID]) throws(ModelError) {
        precondition(operands.allSatisfy { $0 < value }, "operands exist before the op that uses them")
        let node = self[value]
        do throws(ShapeError) {
            let type = try op.infer(operands.map(type), parameters: parameters)
            guard type == node.type else {
                throw ShapeError.mismatch(operation: "fusion", node.type.shape, type.shape)
            }
        } catch {
            throw .shape(value: node.name.isEmpty ? node.scope : node.name, error)
        }
        nodes[value.index] = Node(
            op: op, operands: operands, type: node.type, name: node.name, scope: node.scope, origin: node.origin)
    }

    /// The consumers of each node. Being a graph output does not count as a consumer.
    package func consumers() -> [[ValueID]] {
        var result = [[ValueID]](repeating: [], count: nodes.count)
        for (index, node) in nodes.enumerated() {
            for operand in Set(node.operands) { result[operand.index].append(ValueID(index: index)) }
        }
        return result
    }

    /// The key in the data of a value that is an input.
    package func inputName(_ value: ValueID) -> String? {
        if case .input(let name) = self[value].op { name } else { nil }
    }

    package func isOutput(_ value: ValueID) -> Bool { outputs.contains { $0.value == value } }

    /// The index of the parameter that a value is, if it is one.
    package func parameterIndex(_ value: ValueID) -> Int? {
        if case .parameter(let index) = self[value].op { index } else { nil }
    }

    /// The value of the node that holds `parameters[index]`.
    package func parameterValue(_ index: Int) -> ValueID? { values.first { parameterIndex($0) == index } }

    /// Replaces the tensor of a parameter by another of the same type and shape.
    package mutating func setParameter(_ index: Int, _ tensor: Tensor) {
        precondition(ValueType(tensor) == ValueType(parameters[index].tensor))
        parameters[index].tensor = tensor
    }

    /// The number of samples per run: the leading size of the first input, or 1.
    package var batchSize: Int { max(1, inputs.first.flatMap { shape($0).dimensions.first } ?? 1) }

    /// The number of runs that make up a batch of the wanted size, if the network's own is smaller; limited by the
    /// number of samples.
    package func runsPerStep(batch wanted: Int, samples: Int) -> Int {
        let runs = wanted / batchSize + (wanted.isMultiple(of: batchSize) ? 0 : 1)
        return max(1, min(runs, samples / batchSize))
    }

    /// The number of float parameters, as a user counts them.
    package var parameterCount: Int {
        parameters.filter { $0.tensor.type == .float32 }.reduce(0) { $0 + $1.tensor.shape.elementCount }
    }

    private mutating func add(_ node: Node) -> ValueID {
        nodes.append(node)
        return ValueID(index: nodes.count - 1)
    }
}
