package import Compute

/// What changes in a document; all else is written byte for byte as it was.
package struct ONNXEdit: Sendable {
    /// A node to be written.
    package struct NewNode: Sendable {
        var opType: String
        var name: String
        var inputs: [String]
        var output: String
        var ints: [String: Int64] = [:]
    }

    /// Indices of nodes that go.
    package var removedNodes: Set<Int> = []
    /// Nodes that come, by the index of the node in whose place they stand.
    package var newNodes: [Int: [NewNode]] = [:]
    package var removedInitializers: Set<String> = []
    /// Other numbers for initializers that stay.
    package var changedInitializers: [String: Tensor] = [:]
    package var newInitializers: [(name: String, tensor: Tensor)] = []
    /// Joins what the file says of itself.
    package var metadata: [(key: String, value: String)] = []

    package init() {}

    var isEmpty: Bool {
        removedNodes.isEmpty && newNodes.isEmpty && removedInitializers.isEmpty && changedInitializers.isEmpty
            && newInitializers.isEmpty && metadata.isEmpty
    }
}
