import Glibc

extension Step {
    /// The gradient with respect to one of two operands, of the shape of `dy`: not yet summed over the broadcast axes.
    ///
    /// Autodiff composes the gradients of ``BinaryKind/add`` to ``BinaryKind/divide`` from other ops instead.
    ///
    /// - `result`: the shape of `dy`, or the same view
    /// - Throws: ``ComputeError/shape(_:)`` unless the operands broadcast to the shape of `dy`.
    package static func binaryBackward(
        _ kind: BinaryKind, _ left: Tensor, _ right: Tensor, dy: Tensor, byLeft: Bool, into result: Tensor
    ) throws(ComputeError) -> Step {
        let rows = try BackwardRows(left, right, dy, result)
        func step(_ body: @escaping () -> Void) -> Step {
            Step("\(kind.rawValue) backward", keeping: [left, right, dy, result], body)
        }
        return switch (kind, byLeft) {
        case (.power, true): step { rows.run(byExponent: Self.powerSlope) }
        // At a base of zero the power is zero for all exponents nearby, but the logarithm is infinite.
        case (.power, false): step { rows.run { a, b, dy in a == 0 && b >= 0 ? 0 : dy * powf(a, b) * logf(a) } }
        // Equal operands share the gradient.
        case (.minimum, true): step { rows.run { a, b, dy in a < b ? dy : a == b ? dy / 2 : 0 } }
        case (.minimum, false): step { rows.run { a, b, dy in b < a ? dy : a == b ? dy / 2 : 0 } }
        case (.maximum, true): step { rows.run { a, b, dy in a > b ? dy : a == b ? dy / 2 : 0 } }
        case (.maximum, false): step { rows.run { a, b, dy in b > a ? dy : a == b ? dy / 2 : 0 } }
        case (.modulo, true), (.remainder, true): step { rows.run { _, _, dy in dy } }
        case (.modulo, false): step { rows.run { a, b, dy in -dy * (a / b).rounded(.down) } }
        case (.remainder, false): step { rows.run { a, b, dy in -dy * (a / b).rounded(.towardZero) } }
        case (.add, _): step { rows.run { _, _, dy in dy } }
        case (.subtract, _): step { rows.run { _, _, dy in byLeft ? dy : -dy } }
        case (.multiply, _): step { rows.run { a, b, dy in dy * (byLeft ? b : a) } }
        case (.divide, _): step { rows.run { a, b, dy in byLeft ? dy / b : -dy * a / (b * b) } }
        }
    }

    @inline(__always)
    private static func powerSlope(_ base: Float, _ exponent: Float) -> Float {
        switch exponent {
        case 0: 0
        case 1: 1
        default: exponent * powf(base, exponent - 1)
        }
    }
}

/// The rows of two broadcast operands and of the incoming gradient.
@safe private struct BackwardRows {
    private let loop: StridedLoop
    private let left: UnsafeMutablePointer<Float>
    private let right: UnsafeMutablePointer<Float>
    private let dy: UnsafeMutablePointer<Float>
    private let result: UnsafeMutablePointer<Float>
    private let isEmpty: Bool

    init(_ left: Tensor, _ right: Tensor, _ dy: Tensor, _ result: Tensor) throws(ComputeError) {
        try dy.shape.require(.broadcast(left.shape, right.shape), for: "binary backward")
        try result.shape.require(dy.shape, for: "binary backward")
        let sizes = dy.shape.dimensions
        loop = StridedLoop(
            sizes,
            strides: [
                rowMajorStrides(sizes), StridedLoop.strides(of: left.shape, stretchedTo: sizes),
                StridedLoop.strides(of: right.shape, stretchedTo: sizes),
            ])
        unsafe self.left = try left.source()
        unsafe self.right = try right.source()
        unsafe self.dy = try dy.source()
        unsafe self.result = result.target()
        isEmpty = dy.shape.elementCount == 0
    }

    // SAFETY of both: the loop stays inside the sizes of `dy`, and the strides are those of the operands' shapes.
    @inline(__always)
    func run(_ derivative: (Float, Float, Float) -> Float) {
        guard !isEmpty else { return }
        loop.forEachRow { offsets in
            let (y, g) = unsafe (result + offsets[0], dy + offsets[0])
            let (a, b, count) = unsafe (left + offsets[1], right + offsets[2], loop.row.count)
            if loop.row.strides[1] == 0 {
                let value = unsafe a[0]
                for index in 0..<count { unsafe y[index] = derivative(value, b[index], g[index]) }
            } else if loop.row.strides[2] == 0 {
                let value = unsafe b[0]
                for index in 0..<count { unsafe y[index] = derivative(a[index], value, g[index]) }
            } else {
                for index in 0..<count { unsafe y[index] = derivative(a[index], b[index], g[index]) }
            }
        }
    }

    /// Multiplies `dy` by a slope, without a call per element for the exponents that are frequent in networks.
    @inline(__always)
    func run(byExponent slope: (Float, Float) -> Float) {
        guard !isEmpty, loop.row.strides[1] != 0, loop.row.strides[2] == 0 else {
            return run { a, b, dy in dy * slope(a, b) }
        }
        loop.forEachRow { offsets in
            let (y, g) = unsafe (result + offsets[0], dy + offsets[0])
            let (a, exponent, count) = unsafe (left + offsets[1], right[offsets[2]], loop.row.count)
            switch exponent {
            case 2: for index in 0..<count { unsafe y[index] = g[index] * 2 * a[index] }
            case 3: for index in 0..<count { unsafe y[index] = g[index] * 3 * a[index] * a[index] }
            case 0.5: for index in 0..<count { unsafe y[index] = g[index] * 0.5 / a[index].squareRoot() }
            case -1: for index in 0..<count { unsafe y[index] = -g[index] / (a[index] * a[index]) }
            default: for index in 0..<count { unsafe y[index] = g[index] * slope(a[index], exponent) }
            }
        }
    }
}
