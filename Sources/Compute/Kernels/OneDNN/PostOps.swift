import COneDNN

/// The operations that a primitive applies to each element of its result before writing it, in order.
struct PostOps {
    private enum Item {
        case eltwise(dnnl_alg_kind_t, alpha: Float, beta: Float)
        case add(Layout)
    }

    private var items: [Item] = []

    /// Creates an empty list, or one function for which ``UnaryKind/isEpilogue`` is true.
    init(applying kind: UnaryKind? = nil) {
        if let (algorithm, alpha, beta) = kind?.eltwise(.max) {
            items.append(.eltwise(algorithm, alpha: alpha, beta: beta))
        }
    }

    /// Appends the addition of another tensor's element.
    ///
    /// - Returns: the argument to which that tensor is bound.
    mutating func add(_ layout: Layout) -> Int32 {
        items.append(.add(layout))
        // DNNL_ARG_ATTR_MULTIPLE_POST_OP(index) | DNNL_ARG_SRC_1, a macro that Swift does not see.
        return 16_384 * Int32(items.count) | DNNL_ARG_SRC_1
    }

    /// Sets the operations in the attributes of a primitive.
    func set(_ attributes: dnnl_primitive_attr_t?) throws(ComputeError) {
        guard !items.isEmpty else { return }
        var list: dnnl_post_ops_t?
        try oneDNN("dnnl_post_ops_create") { unsafe dnnl_post_ops_create(&list) }
        defer { unsafe dnnl_post_ops_destroy(list) }
        for item in items {
            switch item {
            case .eltwise(let algorithm, let alpha, let beta):
                try oneDNN("dnnl_post_ops_append_eltwise") {
                    unsafe dnnl_post_ops_append_eltwise(list, 1, algorithm, alpha, beta)
                }
            case .add(var layout):
                try oneDNN("dnnl_post_ops_append_binary") {
                    unsafe dnnl_post_ops_append_binary(list, dnnl_binary_add, &layout)
                }
            }
        }
        try oneDNN("dnnl_primitive_attr_set_post_ops") { unsafe dnnl_primitive_attr_set_post_ops(attributes, list) }
    }
}
