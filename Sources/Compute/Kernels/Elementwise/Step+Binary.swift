import COneDNN
import Glibc

extension Step {
    /// Applies a binary operation to operands of one type other than bool, under NumPy broadcasting; `result` may be
    /// the same view as an operand of its shape.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has the common shape.
    package static func binary(
        _ kind: BinaryKind, _ left: Tensor, _ right: Tensor, into result: Tensor
    ) throws(ComputeError) -> Step {
        switch left.type {
        case .int64: return try integerBinary(kind, left, right, of: Int64.self, into: result)
        case .int32: return try integerBinary(kind, left, right, of: Int32.self, into: result)
        case .float32, .bool: break
        }
        let rows = try BroadcastRows(left, right, of: Float.self, into: result, of: Float.self, kind.rawValue)
        let operands = [left, right, result]
        if left.shape == right.shape, result.shape.elementCount >= manyElements, let algorithm = kind.algorithm {
            let primitive = try Primitive(.binary(algorithm, count: result.shape.elementCount))
            try unsafe primitive.bind(DNNL_ARG_SRC_0, left.source())
            try unsafe primitive.bind(DNNL_ARG_SRC_1, right.source())
            try unsafe primitive.bind(DNNL_ARG_DST_0, result.target())
            return Step(kind.rawValue, keeping: operands, primitive.run)
        }
        return switch kind {
        case .add: Step(kind.rawValue, keeping: operands) { rows.run { $0 + $1 } }
        case .subtract: Step(kind.rawValue, keeping: operands) { rows.run { $0 - $1 } }
        case .multiply: Step(kind.rawValue, keeping: operands) { rows.run { $0 * $1 } }
        case .divide: Step(kind.rawValue, keeping: operands) { rows.run { $0 / $1 } }
        case .power: Step(kind.rawValue, keeping: operands) { power(rows) }
        case .minimum: Step(kind.rawValue, keeping: operands) { rows.run(smaller) }
        case .maximum: Step(kind.rawValue, keeping: operands) { rows.run(larger) }
        case .modulo: Step(kind.rawValue, keeping: operands) { rows.run(floorModulo) }
        case .remainder: Step(kind.rawValue, keeping: operands) { rows.run(fmodf) }
        }
    }

    /// Adds `x` to `result`, which has the same shape.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless the shapes are equal.
    package static func accumulate(_ x: Tensor, into result: Tensor) throws(ComputeError) -> Step {
        try x.shape.require(result.shape, for: "accumulate")
        return try binary(.add, result, x, into: result)
    }

    /// Compares two operands of one type under NumPy broadcasting; `result` is bool.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has the common shape.
    package static func compare(
        _ kind: CompareKind, _ left: Tensor, _ right: Tensor, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(result.type == .bool, "an answer is a truth")
        return switch left.type {
        case .float32: try compare(kind, left, right, of: Float.self, into: result)
        case .int64: try compare(kind, left, right, of: Int64.self, into: result)
        case .int32: try compare(kind, left, right, of: Int32.self, into: result)
        case .bool: try compare(kind, left, right, of: Truth.self, into: result)
        }
    }

    /// Applies a logical operation to two bool operands under NumPy broadcasting.
    ///
    /// - Throws: ``ComputeError/shape(_:)`` unless `result` has the common shape.
    package static func logical(
        _ kind: LogicalKind, _ left: Tensor, _ right: Tensor, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(left.type == .bool && result.type == .bool, "the operands are truths")
        let rows = try BroadcastRows(left, right, of: Truth.self, into: result, of: Truth.self, kind.rawValue)
        let operands = [left, right, result]
        return switch kind {
        case .and: Step(kind.rawValue, keeping: operands) { rows.run { $0 & $1 } }
        case .or: Step(kind.rawValue, keeping: operands) { rows.run { $0 | $1 } }
        case .xor: Step(kind.rawValue, keeping: operands) { rows.run { Truth($0.isTrue != $1.isTrue) } }
        }
    }

    private static func compare<Element: Comparable & BitwiseCopyable>(
        _ kind: CompareKind, _ left: Tensor, _ right: Tensor, of type: Element.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try BroadcastRows(left, right, of: type, into: result, of: Truth.self, kind.rawValue)
        let operands = [left, right, result]
        return switch kind {
        case .equal: Step(kind.rawValue, keeping: operands) { rows.run { Truth($0 == $1) } }
        case .less: Step(kind.rawValue, keeping: operands) { rows.run { Truth($0 < $1) } }
        case .lessOrEqual: Step(kind.rawValue, keeping: operands) { rows.run { Truth($0 <= $1) } }
        case .greater: Step(kind.rawValue, keeping: operands) { rows.run { Truth($0 > $1) } }
        case .greaterOrEqual: Step(kind.rawValue, keeping: operands) { rows.run { Truth($0 >= $1) } }
        }
    }

    private static func integerBinary<Element: FixedWidthInteger & BitwiseCopyable>(
        _ kind: BinaryKind, _ left: Tensor, _ right: Tensor, of type: Element.Type, into result: Tensor
    ) throws(ComputeError) -> Step {
        precondition(result.type == left.type, "the result is of the operands' type")
        let rows = try BroadcastRows(left, right, of: type, into: result, of: type, kind.rawValue)
        let operands = [left, right, result]
        return switch kind {
        case .add: Step(kind.rawValue, keeping: operands) { rows.run { $0 &+ $1 } }
        case .subtract: Step(kind.rawValue, keeping: operands) { rows.run { $0 &- $1 } }
        case .multiply: Step(kind.rawValue, keeping: operands) { rows.run { $0 &* $1 } }
        case .divide: Step(kind.rawValue, keeping: operands) { rows.run(totalQuotient) }
        case .power: Step(kind.rawValue, keeping: operands) { rows.run(wrappingPower) }
        case .minimum: Step(kind.rawValue, keeping: operands) { rows.run(smaller) }
        case .maximum: Step(kind.rawValue, keeping: operands) { rows.run(larger) }
        case .modulo:
            Step(kind.rawValue, keeping: operands) {
                rows.run { a, b in
                    let rest = totalRemainder(a, b)
                    return rest != 0 && (rest < 0) != (b < 0) ? rest &+ b : rest
                }
            }
        case .remainder: Step(kind.rawValue, keeping: operands) { rows.run(totalRemainder) }
        }
    }

    /// Raises to powers, without a call per element for the exponents that are frequent in networks.
    private static func power(_ rows: BroadcastRows<Float, Float>) {
        unsafe rows.forEachRow { count, a, b, y, stretchesLeft, stretchesRight in
            if stretchesRight {
                let exponent = unsafe b[0]
                switch exponent {
                case 1: for index in 0..<count { unsafe y[index] = a[index] }
                case 2: for index in 0..<count { unsafe y[index] = a[index] * a[index] }
                case 3: for index in 0..<count { unsafe y[index] = a[index] * a[index] * a[index] }
                case 0.5: for index in 0..<count { unsafe y[index] = a[index].squareRoot() }
                case -0.5: for index in 0..<count { unsafe y[index] = 1 / a[index].squareRoot() }
                case -1: for index in 0..<count { unsafe y[index] = 1 / a[index] }
                default: for index in 0..<count { unsafe y[index] = powf(a[index], exponent) }
                }
            } else if stretchesLeft {
                let base = unsafe a[0]
                for index in 0..<count { unsafe y[index] = powf(base, b[index]) }
            } else {
                for index in 0..<count { unsafe y[index] = powf(a[index], b[index]) }
            }
        }
    }
}

extension BinaryKind {
    /// The oneDNN algorithm; nil if there is none.
    fileprivate var algorithm: dnnl_alg_kind_t? {
        switch self {
        case .add: dnnl_binary_add
        case .subtract: dnnl_binary_sub
        case .multiply: dnnl_binary_mul
        case .divide: dnnl_binary_div
        case .power, .minimum, .maximum, .modulo, .remainder: nil
        }
    }
}

extension PrimitiveDescription {
    /// Describes a binary operation on two operands of `count` elements each.
    fileprivate static func binary(
        _ algorithm: dnnl_alg_kind_t, count: Int
    ) throws(ComputeError) -> PrimitiveDescription {
        var layout = try Layout.plain([count])
        var operation = dnnl_binary_desc_t()
        try oneDNN("dnnl_binary_desc_init") {
            unsafe dnnl_binary_desc_init(&operation, algorithm, &layout, &layout, &layout)
        }
        return try unsafe PrimitiveDescription(&operation)
    }
}
