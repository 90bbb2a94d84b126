import COneDNN

/// oneDNN's description of the layout of elements in memory.
typealias Layout = dnnl_memory_desc_t

extension Layout {
    /// The layout of float32 elements at the given strides.
    static func strided(_ sizes: [Int], strides: [Int]) throws(ComputeError) -> Layout {
        var layout = Layout()
        try oneDNN("dnnl_memory_desc_init_by_strides") {
            unsafe dnnl_memory_desc_init_by_strides(
                &layout, Int32(sizes.count), sizes.map(Int64.init), dnnl_f32, strides.map(Int64.init))
        }
        return layout
    }

    /// The layout of float32 elements in row-major order.
    static func plain(_ sizes: [Int]) throws(ComputeError) -> Layout {
        try strided(sizes, strides: rowMajorStrides(sizes))
    }

    /// The layout of float32 elements that the primitive chooses.
    static func any(_ sizes: [Int]) throws(ComputeError) -> Layout {
        var layout = Layout()
        try oneDNN("dnnl_memory_desc_init_by_tag") {
            unsafe dnnl_memory_desc_init_by_tag(
                &layout, Int32(sizes.count), sizes.map(Int64.init), dnnl_f32, dnnl_format_tag_any)
        }
        return layout
    }

    /// The layout of a float32 tensor.
    static func of(_ tensor: Tensor) throws(ComputeError) -> Layout { try of(tensor.shape, block: tensor.block) }

    /// The layout of float32 elements with `block` adjacent channels.
    static func of(_ shape: Shape, block: Int) throws(ComputeError) -> Layout {
        let sizes = shape.dimensions
        guard block > 1 else { return try plain(sizes) }
        precondition(sizes.count == 4 && sizes[1] % block == 0, "images are what lies in blocks")
        var layout = Layout()
        let tag = block == 16 ? dnnl_aBcd16b : dnnl_aBcd8b
        try oneDNN("dnnl_memory_desc_init_by_tag") {
            unsafe dnnl_memory_desc_init_by_tag(&layout, 4, sizes.map(Int64.init), dnnl_f32, tag)
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

/// The number of adjacent channels that oneDNN's convolutions prefer: the floats of the processor's widest vector.
package let channelBlock =
    dnnl_get_effective_cpu_isa().rawValue & dnnl_cpu_isa_avx512_core.rawValue == dnnl_cpu_isa_avx512_core.rawValue
    ? 16 : 8

/// The strides of a row-major tensor, in elements.
func rowMajorStrides(_ sizes: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: sizes.count)
    for axis in sizes.indices.dropLast().reversed() {
        strides[axis] = strides[axis + 1] * max(1, sizes[axis + 1])
    }
    return strides
}
