import ByteText
import Compute
import Model

extension ONNXLowering {
    /// The largest kernel, stride, dilation or padding; real ones are in the tens.
    private static let longest = 65536

    static let pooling: [String: ONNXOperator] = [
        "MaxPool": ONNXOperator { try $0.maxPool($1) },
        "AveragePool": ONNXOperator { lowering, node in
            let window = try lowering.poolWindow(node)
            let op = Op.averagePool(window, countsPadding: node.flag("count_include_pad"))
            try lowering.append(op, node, reading: 1)
        },
        "GlobalAveragePool": ONNXOperator { try $0.globalPool(.mean, $1) },
        "GlobalMaxPool": ONNXOperator { try $0.globalPool(.maximum, $1) },
        "GridSample": ONNXOperator { try $0.gridSample($1) },
        "Resize": ONNXOperator { try $0.resize($1) },
        "RoiAlign": ONNXOperator { try $0.roiAlign($1) },
        "Upsample": ONNXOperator { try $0.resize($1) },
    ]

    private mutating func maxPool(_ node: NodeView) throws(FormatError) {
        let window = try poolWindow(node)
        try append(.maxPool(window), node, reading: 1)
        if let name = node.output(1) { define(name, .computed(try largestPlaces(node, window))) }
    }

    /// The window of a pooling node.
    private func poolWindow(_ node: NodeView) throws(FormatError) -> Window {
        guard let kernel = node.ints("kernel_shape") else {
            throw unfit(node, "it does not say how large its kernel is")
        }
        var window = try window(node, kernel: kernel)
        window.roundsUp = node.int("ceil_mode") == 1
        // A window inside the padding has no largest element and no mean.
        for axis in kernel.indices where max(window.padsBegin[axis], window.padsEnd[axis]) >= kernel[axis] {
            throw unfit(node, "its padding is not smaller than its kernel")
        }
        return window
    }

    /// The window of a convolution or pooling over its first operand.
    ///
    /// - SeeAlso: onnx/Operators.md#Conv, `auto_pad`
    func window(_ node: NodeView, kernel: [Int]) throws(FormatError) -> Window {
        let x = try shape(node, 0)
        guard (3...5).contains(x.rank) else {
            throw node.unsupported(" over a value of shape \(x): 1 to 3 spatial axes can be run")
        }
        guard kernel.count == x.rank - 2 else {
            throw unfit(node, "kernel \(kernel) slides over a value of shape \(x)")
        }
        guard x.dimensions.dropFirst(2).allSatisfy({ $0 > 0 }) else {
            throw unfit(node, "a value of shape \(x) has nothing to slide over")
        }
        let ones = kernel.map { _ in 1 }
        let strides = node.ints("strides") ?? ones
        let dilations = node.ints("dilations") ?? ones
        let automatic = node.string("auto_pad") ?? "NOTSET"
        let given = automatic == "NOTSET" ? node.ints("pads") : nil
        var pads = given ?? (ones + ones).map { _ in 0 }
        guard strides.count == kernel.count, dilations.count == kernel.count, pads.count == 2 * kernel.count,
            (kernel + strides + dilations).allSatisfy({ (1...Self.longest).contains($0) }),
            pads.allSatisfy({ (0...Self.longest).contains($0) })
        else {
            throw unfit(
                node,
                "kernel \(kernel), strides \(strides), dilations \(dilations), pads \(pads) cannot slide over \(x)")
        }
        if automatic.startsWithBytes(of: "SAME") {
            for axis in kernel.indices {
                let (size, reach) = (x[axis + 2], dilations[axis] * (kernel[axis] - 1) + 1)
                let steps = (size - 1) / strides[axis] + 1
                let total = max(0, (steps - 1) * strides[axis] + reach - size)
                pads[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
                pads[axis + kernel.count] = total - pads[axis]
            }
        }
        return Window(
            kernel: kernel, strides: strides, dilations: dilations, padsBegin: Array(pads.prefix(kernel.count)),
            padsEnd: Array(pads.suffix(kernel.count)))
    }

    /// The window of a `ConvTranspose` over its result, and the spatial sizes of that.
    ///
    /// - SeeAlso: onnx/Operators.md#ConvTranspose, `output_shape` and `auto_pad`
    func transposedWindow(_ node: NodeView, kernel: [Int]) throws(FormatError) -> (window: Window, sizes: [Int]) {
        var window = try window(node, kernel: kernel)
        let x = try shape(node, 0)
        let added = node.ints("output_padding") ?? kernel.map { _ in 0 }
        let wanted = node.ints("output_shape")
        let automatic = node.string("auto_pad") ?? "NOTSET"
        guard added.count == kernel.count, added.allSatisfy({ (0...Self.longest).contains($0) }),
            wanted?.count ?? kernel.count == kernel.count, wanted?.allSatisfy((1..<Limits.elements).contains) ?? true
        else { throw unfit(node, "its output_padding or output_shape does not fit a value of shape \(x)") }
        var sizes: [Int] = []
        for axis in kernel.indices {
            let reach = window.dilations[axis] * (kernel[axis] - 1) + 1
            let (steps, overflow) = (x[axis + 2] - 1).multipliedReportingOverflow(by: window.strides[axis])
            guard !overflow, steps < Limits.elements else { throw unfit(node, "its result is too large") }
            let full = steps + reach + added[axis]
            if wanted != nil || automatic.startsWithBytes(of: "SAME") {
                let total = max(0, full - (wanted?[axis] ?? x[axis + 2] * window.strides[axis]))
                window.padsBegin[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
                window.padsEnd[axis] = total - window.padsBegin[axis]
            }
            sizes.append(full - window.padsBegin[axis] - window.padsEnd[axis])
            guard sizes[axis] > 0, wanted.map({ $0[axis] == sizes[axis] }) ?? true else {
                throw unfit(node, "its result would have the size \(sizes[axis]) on axis \(axis + 2)")
            }
            // The convolution must lead back to the size of the operand.
            let back = (full - reach) / window.strides[axis] + 1
            guard back == x[axis + 2] else { throw node.unsupported(" with output_padding beyond its strides") }
        }
        return (window, sizes)
    }
}
