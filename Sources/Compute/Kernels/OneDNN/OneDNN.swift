import COneDNN

/// Calls oneDNN and throws when the call fails. Every call that can fail uses it.
///
/// - Throws: ``ComputeError/oneDNN(call:status:)``, or ``ComputeError/memory(_:)`` when oneDNN itself ran out of it.
func oneDNN(_ call: String, _ body: () -> dnnl_status_t) throws(ComputeError) {
    let status = body()
    guard status != dnnl_out_of_memory else { throw .memory(MemoryError(byteCount: 0)) }
    guard status == dnnl_success else { throw .oneDNN(call: call, status: Int(status.rawValue)) }
}

/// The oneDNN engine and stream of the processor, created once.
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
