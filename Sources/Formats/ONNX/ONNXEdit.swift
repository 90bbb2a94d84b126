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

    /// Indices of the nodes to remove.
    package var removedNodes: Set<Int> = []
    /// The nodes to add, by the index of the node before which they are written.
    package var newNodes: [Int: [NewNode]] = [:]
    package var removedInitializers: Set<String> = []
    /// New elements of initializers that are kept.
    package var changedInitializers: [String: Tensor] = [:]
    package var newInitializers: [(name: String, tensor: Tensor)] = []
    /// Entries to add to the file's metadata.
    package var metadata: [(key: String, value: String)] = []

    package init() {}

    var isEmpty: Bool {
        removedNodes.isEmpty && newNodes.isEmpty && removedInitializers.isEmpty && changedInitializers.isEmpty
            && newInitializers.isEmpty && metadata.isEmpty
    }
}
