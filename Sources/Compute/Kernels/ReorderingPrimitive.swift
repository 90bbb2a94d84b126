import COneDNN

/// A primitive whose arguments may lie in memory in an order that it does not like: those are reordered before and after.
///
/// Convolutions run several times faster on blocked layouts than on plain ones; the reorders cost little beside them.
final class ReorderingPrimitive {
    private let description: PrimitiveDescription
    private let primitive: Primitive
    private var before: [Primitive] = []
    private var after: [Primitive] = []
    private var buffers: [TensorStorage] = []

    init(_ description: PrimitiveDescription) throws(ComputeError) {
        self.description = description
        primitive = try Primitive(description)
    }

    /// An operand of `sizes` in row-major order.
    func read(_ argument: Int32, _ tensor: Tensor, _ sizes: [Int]) throws(ComputeError) {
        let (plain, wanted) = try (Layout.plain(sizes), description.layout(of: argument))
        let address = try unsafe UnsafeMutableRawPointer(tensor.source())
        if wanted.isEqual(to: plain) { return try unsafe primitive.bind(argument, address) }
        let buffer = try TensorStorage.scratch(wanted)
        let reorder = try Primitive(PrimitiveDescription(reorder: plain, to: wanted))
        try unsafe reorder.bind(DNNL_ARG_SRC_0, address)
        try unsafe reorder.bind(DNNL_ARG_DST_0, buffer.bytes)
        try unsafe primitive.bind(argument, buffer.bytes)
        before.append(reorder)
        buffers.append(buffer)
    }

    /// The result of `sizes` in row-major order.
    func write(_ argument: Int32, _ tensor: Tensor, _ sizes: [Int]) throws(ComputeError) {
        let (plain, made) = try (Layout.plain(sizes), description.layout(of: argument))
        let address = unsafe UnsafeMutableRawPointer(tensor.target())
        if made.isEqual(to: plain) { return try unsafe primitive.bind(argument, address) }
        let buffer = try TensorStorage.scratch(made)
        let reorder = try Primitive(PrimitiveDescription(reorder: made, to: plain))
        try unsafe reorder.bind(DNNL_ARG_SRC_0, buffer.bytes)
        try unsafe reorder.bind(DNNL_ARG_DST_0, address)
        try unsafe primitive.bind(argument, buffer.bytes)
        after.append(reorder)
        buffers.append(buffer)
    }

    func run() {
        for reorder in before { reorder.run() }
        primitive.run()
        for reorder in after { reorder.run() }
    }
}
