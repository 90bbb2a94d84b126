package import Compute

/// The changes to a document; everything else is written byte for byte as it was.
package struct ONNXEdit: Sendable {
    /// A node to add.
    package struct NewNode: Sendable {
        var opType: String
        var name: String
        var inputs: [String]
        var outputs: [String]
        var ints: [String: Int64] = [:]

        /// The first of its outputs, which is the only one of most operators.
        var output: String { outputs[0] }

        init(opType: String, name: String, inputs: [String], outputs: [String], ints: [String: Int64] = [:]) {
            (self.opType, self.name, self.inputs, self.outputs, self.ints) = (opType, name, inputs, outputs, ints)
        }

        init(opType: String, name: String, inputs: [String], output: String, ints: [String: Int64] = [:]) {
            self.init(opType: opType, name: name, inputs: inputs, outputs: [output], ints: ints)
        }
    }

    /// An initializer to add.
    package struct NewInitializer: Sendable {
        enum Elements: Sendable {
            /// A tensor, in the precision of the layer that reads it; nil for its own.
            case tensor(Tensor, ONNXDocument.Precision?)
            case int8([Int8], Shape)
        }

        var name: String
        var elements: Elements

        init(name: String, tensor: Tensor, precision: ONNXDocument.Precision? = nil) {
            (self.name, elements) = (name, .tensor(tensor, precision))
        }

        init(name: String, _ integers: [Int8], _ shape: Shape) {
            (self.name, elements) = (name, .int8(integers, shape))
        }

        /// The type of the elements as a file numbers it.
        var dataType: Int64 {
            switch elements {
            case .tensor(let tensor, let precision): precision?.rawValue ?? tensor.type.onnx
            case .int8: NarrowInteger.int8.rawValue
            }
        }

        var shape: Shape {
            switch elements {
            case .tensor(let tensor, _): tensor.shape
            case .int8(_, let shape): shape
            }
        }

        var byteCount: Int {
            switch elements {
            case .tensor(let tensor, let precision):
                tensor.shape.elementCount * (precision?.byteCount ?? tensor.type.byteCount)
            case .int8(let integers, _): integers.count
            }
        }

        /// The bytes of the elements.
        var part: Part {
            switch elements {
            case .tensor(let tensor, let precision):
                precision.map { .bytes(tensor.narrowed(to: $0)) } ?? .tensor(tensor)
            case .int8(let integers, _): .bytes(integers.map { UInt8(bitPattern: $0) })
            }
        }
    }

    /// Indices of the nodes to remove.
    package var removedNodes: Set<Int> = []
    /// The nodes to add, by the index of the node before which they are written.
    package var newNodes: [Int: [NewNode]] = [:]
    package var removedInitializers: Set<String> = []
    /// New elements of initializers that are kept.
    package var changedInitializers: [String: Tensor] = [:]
    package var newInitializers: [NewInitializer] = []
    /// Values of kept nodes that have another size than before, whose declared sizes are left out.
    package var resizedValues: Set<String> = []
    /// Entries to add to the file's metadata.
    package var metadata: [(key: String, value: String)] = []

    package init() {}

    var isEmpty: Bool {
        removedNodes.isEmpty && newNodes.isEmpty && removedInitializers.isEmpty && changedInitializers.isEmpty
            && newInitializers.isEmpty && metadata.isEmpty
    }
}
