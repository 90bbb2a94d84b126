import COneDNN

/// A oneDNN primitive descriptor: the algorithm is chosen, nothing is compiled yet.
///
/// A class because it owns a handle that must be freed once.
@safe final class PrimitiveDescription {
    let handle: dnnl_primitive_desc_t

    /// - `operation`: points to a `dnnl_*_desc_t`, which is read during the call.
    /// - `forward`: the description of the forward operation, which a backward one requires.
    init(
        _ operation: UnsafeRawPointer, forward: PrimitiveDescription? = nil, postOps: PostOps = PostOps()
    ) throws(ComputeError) {
        let engine = try Engine.shared()
        var attributes: dnnl_primitive_attr_t?
        try oneDNN("dnnl_primitive_attr_create") { unsafe dnnl_primitive_attr_create(&attributes) }
        defer { unsafe dnnl_primitive_attr_destroy(attributes) }
        // We provide the scratchpad: otherwise each execution would allocate one.
        try oneDNN("dnnl_primitive_attr_set_scratchpad_mode") {
            unsafe dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user)
        }
        try unsafe postOps.set(attributes)
        var handle: dnnl_primitive_desc_t?
        try oneDNN("dnnl_primitive_desc_create") {
            unsafe dnnl_primitive_desc_create(&handle, operation, attributes, engine.handle, forward?.handle)
        }
        guard let handle = unsafe handle else { throw .oneDNN(call: "dnnl_primitive_desc_create", status: 0) }
        unsafe self.handle = handle
    }

    /// Describes a copy from one layout to another.
    init(reorder source: Layout, to target: Layout) throws(ComputeError) {
        let engine = try Engine.shared()
        var (source, target) = (source, target)
        var handle: dnnl_primitive_desc_t?
        try oneDNN("dnnl_reorder_primitive_desc_create") {
            unsafe dnnl_reorder_primitive_desc_create(&handle, &source, engine.handle, &target, engine.handle, nil)
        }
        guard let handle = unsafe handle else { throw .oneDNN(call: "dnnl_reorder_primitive_desc_create", status: 0) }
        unsafe self.handle = handle
    }

    deinit { unsafe dnnl_primitive_desc_destroy(handle) }

    /// The layout that the primitive requires for one of its arguments.
    func layout(of argument: Int32) throws(ComputeError) -> Layout {
        guard let layout = unsafe dnnl_primitive_desc_query_md(handle, dnnl_query_exec_arg_md, argument) else {
            throw .oneDNN(call: "dnnl_primitive_desc_query_md", status: 0)
        }
        return unsafe layout.pointee
    }
}

/// A compiled oneDNN primitive with its arguments. A class because it owns handles that must be freed once.
@safe final class Primitive {
    private let handle: dnnl_primitive_t
    private let description: PrimitiveDescription
    private let engine: Engine
    private var arguments: [dnnl_exec_arg_t] = unsafe []
    /// The memory of a scratchpad that is not a part of a ``Scratch``.
    private let scratchpad: TensorStorage?

    /// - `scratch`: the memory that contains the scratchpad; without it the primitive allocates its own.
    init(_ description: PrimitiveDescription, scratch: Scratch? = nil) throws(ComputeError) {
        self.description = description
        engine = try Engine.shared()
        let layout = try description.layout(of: DNNL_ARG_SCRATCHPAD)
        scratchpad = scratch == nil && layout.byteCount > 0 ? try .scratch(layout) : nil
        var handle: dnnl_primitive_t?
        try oneDNN("dnnl_primitive_create") { unsafe dnnl_primitive_create(&handle, description.handle) }
        guard let handle = unsafe handle else { throw .oneDNN(call: "dnnl_primitive_create", status: 0) }
        unsafe self.handle = handle
        if let scratchpad { try unsafe bind(DNNL_ARG_SCRATCHPAD, scratchpad.bytes) }
        if let scratch, layout.byteCount > 0 { try bind(DNNL_ARG_SCRATCHPAD, to: scratch) }
    }

    deinit {
        while let argument = unsafe arguments.popLast() { unsafe dnnl_memory_destroy(argument.memory) }
        unsafe dnnl_primitive_destroy(handle)
    }

    /// Binds an argument to memory in the layout of the description. The caller keeps the memory alive.
    func bind(_ argument: Int32, _ address: UnsafeMutableRawPointer?) throws(ComputeError) {
        var layout = try description.layout(of: argument)
        var memory: dnnl_memory_t?
        try oneDNN("dnnl_memory_create") { unsafe dnnl_memory_create(&memory, &layout, engine.handle, address) }
        unsafe arguments.append(dnnl_exec_arg_t(arg: argument, memory: memory))
    }

    /// Binds an argument to a part of the scratch memory, which arguments of other primitives may share.
    ///
    /// - `others`: the arguments of other primitives that use the same memory.
    func bind(
        _ argument: Int32, to scratch: Scratch, sharing others: [(primitive: Primitive, argument: Int32)] = []
    ) throws(ComputeError) {
        var users: [dnnl_memory_t] = unsafe []
        for user in [(primitive: self, argument: argument)] + others {
            try unsafe user.primitive.bind(user.argument, nil)
            if let memory = unsafe user.primitive.arguments.last?.memory { unsafe users.append(memory) }
        }
        let keepers = [self] + others.map(\.primitive)
        let handles = unsafe users
        scratch.reserve(try description.layout(of: argument).byteCount) { storage, offset in
            // SAFETY: the primitives own these handles and live as long as the closure; the part holds their layout.
            for index in unsafe handles.indices {
                unsafe dnnl_memory_set_data_handle(handles[index], storage.bytes + offset)
            }
            withExtendedLifetime(keepers) {}
        }
    }

    func run() {
        // SAFETY: every argument was bound to memory that holds its layout, and the step keeps that memory.
        let status = unsafe arguments.withUnsafeBufferPointer { arguments in
            unsafe dnnl_primitive_execute(handle, engine.stream, Int32(arguments.count), arguments.baseAddress)
        }
        precondition(status == dnnl_success, "a prepared primitive runs")
    }
}
