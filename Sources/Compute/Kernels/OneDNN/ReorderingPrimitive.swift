import COneDNN

/// A primitive that reorders arguments before and after it when they are not in the layout that it requires.
///
/// Convolutions run several times faster on blocked layouts than on plain ones. A fixed operand is reordered once.
final class ReorderingPrimitive {
    let scratch = Scratch()
    private let description: PrimitiveDescription
    private let primitive: Primitive
    private var before: [Primitive] = []
    private var after: [Primitive] = []
    private var kept: [TensorStorage] = []

    init(_ description: PrimitiveDescription) throws(ComputeError) {
        self.description = description
        primitive = try Primitive(description, scratch: scratch)
    }

    /// Binds an operand that is in the given layout.
    func read(_ argument: Int32, _ tensor: Tensor, _ layout: Layout) throws(ComputeError) {
        let wanted = try description.layout(of: argument)
        let address = try unsafe UnsafeMutableRawPointer(tensor.source())
        if wanted.isEqual(to: layout) { return try unsafe primitive.bind(argument, address) }
        let reordering = try PrimitiveDescription(reorder: layout, to: wanted)
        if tensor.isFixed {
            let (reorder, storage) = try (Primitive(reordering), TensorStorage.scratch(wanted))
            try unsafe reorder.bind(DNNL_ARG_SRC_0, address)
            try unsafe reorder.bind(DNNL_ARG_DST_0, storage.bytes)
            reorder.run()
            kept.append(storage)
            return try unsafe primitive.bind(argument, storage.bytes)
        }
        let reorder = try Primitive(reordering, scratch: scratch)
        try unsafe reorder.bind(DNNL_ARG_SRC_0, address)
        try primitive.bind(argument, to: scratch, sharing: [(reorder, DNNL_ARG_DST_0)])
        before.append(reorder)
    }

    /// Binds the result, to be written in the given layout.
    func write(_ argument: Int32, _ tensor: Tensor, _ layout: Layout) throws(ComputeError) {
        let made = try description.layout(of: argument)
        let address = unsafe UnsafeMutableRawPointer(tensor.target())
        if made.isEqual(to: layout) { return try unsafe primitive.bind(argument, address) }
        let reorder = try Primitive(PrimitiveDescription(reorder: made, to: layout), scratch: scratch)
        try unsafe reorder.bind(DNNL_ARG_DST_0, address)
        try primitive.bind(argument, to: scratch, sharing: [(reorder, DNNL_ARG_SRC_0)])
        after.append(reorder)
    }

    func run() {
        for reorder in before { reorder.run() }
        primitive.run()
        for reorder in after { reorder.run() }
    }
}
