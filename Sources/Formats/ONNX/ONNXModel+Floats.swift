import Compute

extension ONNXModel.TensorMessage {
    /// The number of floats of the tensor; 0 for other elements, and at most 2^48, since sizes may be anything.
    fileprivate var floatCount: Int {
        guard ElementType(onnx: dataType) == .float32 else { return 0 }
        let limit = 1 << 48
        return sizes.reduce(1) { count, size in
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(clamping: max(0, size)))
            return overflow ? limit : min(product, limit)
        }
    }

    /// The number of its floats unless they are one.
    fileprivate var weightCount: Int { floatCount > 1 ? floatCount : 0 }
}

extension ONNXModel.Node {
    /// The number of floats in constants and subgraphs of the node, other than scalars.
    var innerFloatCount: Int {
        attributes.values.reduce(0) { count, attribute in
            switch attribute {
            case .tensor(let tensor): count &+ tensor.weightCount
            case .graph(let graph): count &+ graph.floatCount
            default: count
            }
        }
    }
}

extension ONNXModel.Subgraph {
    /// The number of floats that the subgraph holds itself, other than scalars.
    fileprivate var floatCount: Int {
        initializers.reduce(0) { $0 &+ $1.weightCount } &+ nodes.reduce(0) { $0 &+ $1.innerFloatCount }
    }
}

extension ONNXModel {
    /// The number of floats that subgraphs and functions hold, other than scalars, wherever a node is.
    package var innerFloatCount: Int {
        nodes.reduce(0) { $0 &+ $1.innerFloatCount }
            &+ functions.reduce(0) { $0 &+ $1.nodes.reduce(0) { $0 &+ $1.innerFloatCount } }
    }
}
