import COneDNN

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
