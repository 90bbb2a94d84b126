package import Compute

/// The changes to a document; everything else is written byte for byte as it was.
package struct ONNXEdit: Sendable {
    /// A node to add.
    package struct NewNode: Sendable {
        var opType: String
        var name: String
        var inputs: [String]
        var output: String
        var ints: [String: Int64] = [:]
    }

    /// An initializer to add, written in the precision of the layer that reads it; nil for that of the tensor.
    package struct NewInitializer: Sendable {
        var name: String
        var tensor: Tensor
        var precision: ONNXDocument.Precision?

        /// The type of the elements as a file numbers it.
        var dataType: Int64 { precision?.rawValue ?? tensor.type.onnx }
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
