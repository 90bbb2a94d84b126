import COneDNN

/// The one way to call oneDNN where a call can fail.
///
/// - Throws: ``ComputeError/oneDNN(call:status:)``, or ``ComputeError/memory(_:)`` when oneDNN itself ran out of it.
func oneDNN(_ call: String, _ body: () -> dnnl_status_t) throws(ComputeError) {
    let status = body()
    guard status != dnnl_out_of_memory else { throw .memory(MemoryError(byteCount: 0)) }
    guard status == dnnl_success else { throw .oneDNN(call: call, status: Int(status.rawValue)) }
}

/// oneDNN's view of the processor, made once.
// @unchecked: an engine of oneDNN may be used from any thread; a stream of the processor holds no state.
@safe final class Engine: @unchecked Sendable {
    let handle: dnnl_engine_t
    let stream: dnnl_stream_t

    private static let result = Result { () throws(ComputeError) -> Engine in try Engine() }

    static func shared() throws(ComputeError) -> Engine { try result.get() }

    private init() throws(ComputeError) {
        var handle: dnnl_engine_t?
        var stream: dnnl_stream_t?
        try oneDNN("dnnl_engine_create") { unsafe dnnl_engine_create(&handle, dnnl_cpu, 0) }
        guard let handle = unsafe handle else { throw .oneDNN(call: "dnnl_engine_create", status: 0) }
        try oneDNN("dnnl_stream_create") {
            unsafe dnnl_stream_create(&stream, handle, UInt32(dnnl_stream_default_flags.rawValue))
        }
        guard let stream = unsafe stream else { throw .oneDNN(call: "dnnl_stream_create", status: 0) }
        unsafe self.handle = handle
        unsafe self.stream = stream
    }
}

/// How elements lie in memory, in oneDNN's terms.
typealias Layout = dnnl_memory_desc_t

extension Layout {
    /// Float32 elements at the given strides.
    static func strided(_ sizes: [Int], strides: [Int]) throws(ComputeError) -> Layout {
        var layout = Layout()
        try oneDNN("dnnl_memory_desc_init_by_strides") {
            unsafe dnnl_memory_desc_init_by_strides(
                &layout, Int32(sizes.count), sizes.map(Int64.init), dnnl_f32, strides.map(Int64.init))
        }
        return layout
    }

    /// Float32 elements in row-major order.
    static func plain(_ sizes: [Int]) throws(ComputeError) -> Layout {
        try strided(sizes, strides: rowMajorStrides(sizes))
    }

    /// Float32 elements in the order that the primitive likes best.
    static func any(_ sizes: [Int]) throws(ComputeError) -> Layout {
        var layout = Layout()
        try oneDNN("dnnl_memory_desc_init_by_tag") {
            unsafe dnnl_memory_desc_init_by_tag(
                &layout, Int32(sizes.count), sizes.map(Int64.init), dnnl_f32, dnnl_format_tag_any)
        }
        return layout
    }

    var byteCount: Int { unsafe withUnsafePointer(to: self) { unsafe dnnl_memory_desc_get_size($0) } }

    func isEqual(to other: Layout) -> Bool {
        unsafe withUnsafePointer(to: self) { left in
            unsafe withUnsafePointer(to: other) { right in unsafe dnnl_memory_desc_equal(left, right) != 0 }
        }
    }
}

/// How far apart neighbours along each axis lie in a row-major tensor.
func rowMajorStrides(_ sizes: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: sizes.count)
    for axis in sizes.indices.dropLast().reversed() {
        strides[axis] = strides[axis + 1] * max(1, sizes[axis + 1])
    }
    return strides
}
