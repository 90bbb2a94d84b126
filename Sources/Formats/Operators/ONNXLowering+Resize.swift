import Compute
import Model

extension ONNXLowering {
    /// Lowers `Resize` to one op per axis: every mode treats the axes separately.
    ///
    /// - SeeAlso: onnx/Operators.md#Resize
    mutating func resize(_ node: NodeView) throws(FormatError) {
        let shape = try shape(node, 0)
        var axes: [Int] = []
        for axis in node.ints("axes") ?? Array(shape.dimensions.indices) { axes.append(try self.axis(axis, node)) }
        let targets = try targets(node, shape, axes)
        let interpolation = try interpolation(node)
        let averaging: Resampling.Averaging = node.flag("exclude_outside") ? .inside : .everywhere
        var steps: [Op] = []
        for (index, axis) in axes.enumerated() {
            let (count, scale) = targets[index]
            let coordinates = try coordinates(node, index, of: axes.count)
            if case .cropAndResize = coordinates {
            } else if count == shape[axis], scale == nil || scale == 1 {
                continue
            }
            guard count <= Limits.elements / max(1, shape.elementCount / max(1, shape[axis])),
                count <= Self.longestAxis,
                let resampling = Resampling(
                    shape[axis], to: count, scale: scale, interpolation, coordinates,
                    averaging: node.flag("antialias") ? averaging : nil)
            else { throw unfit(node, "a value of shape \(shape) cannot have \(count) on axis \(axis)") }
            steps.append(.resample(resampling, axis: axis))
        }
        guard let last = steps.popLast() else { return try alias(node) }
        var value = try operand(node, 0)
        for op in steps { value = try emit(op, [value], node) }
        try finish(last, [value], node)
    }

    /// The maximum size of a resized axis, whose positions take memory each.
    private static let longestAxis = 1 << 20

    /// The new size of each axis, and the scale if it is not the quotient of the sizes.
    private func targets(
        _ node: NodeView, _ shape: Shape, _ axes: [Int]
    ) throws(FormatError) -> [(count: Int, scale: Float?)] {
        guard node.hasInput(3) else {
            let scales: [Float]
            if let given = node.floats("scales") {
                scales = given
            } else if let tensor = known(try node.input(isOld(node) ? 1 : 2)), tensor.type == .float32 {
                scales = tensor.floats
            } else {
                throw node.unsupported(" with scales that depend on the data")
            }
            guard scales.count == axes.count, scales.allSatisfy({ $0 > 0 && $0 < Float(Self.longestAxis) }) else {
                throw unfit(node, "scales \(scales) for \(axes.count) axes")
            }
            return zip(axes, scales).map { axis, scale in
                // Clamped, so that `Int` does not overflow; sizes that large are rejected later.
                (Int(min(Double(shape[axis]) * Double(scale), 0x1p60)), scale)
            }
        }
        let sizes = try integers(node, 3)
        guard sizes.count == axes.count, sizes.allSatisfy({ (0...Self.longestAxis).contains($0) }),
            axes.allSatisfy({ shape[$0] > 0 })
        else { throw unfit(node, "sizes \(sizes) for \(axes.count) axes of \(shape)") }
        let scales = zip(axes, sizes).map { Float($1) / Float(shape[$0]) }
        let policy = node.string("keep_aspect_ratio_policy") ?? "stretch"
        guard policy != "stretch", let scale = policy == "not_larger" ? scales.min() : scales.max() else {
            return sizes.map { ($0, nil) }
        }
        return axes.map { axis in
            (Int((Double(scale) * Double(shape[axis]) + 0.5).rounded(.down)), scale)
        }
    }

    /// True for `Upsample`, and for `Resize` as it was before opset 11: scales alone, from the corner.
    private func isOld(_ node: NodeView) -> Bool { node.opType == "Upsample" || node.opset < 11 }

    private func interpolation(_ node: NodeView) throws(FormatError) -> Resampling.Interpolation {
        switch node.string("mode") ?? "nearest" {
        case "nearest":
            let rounding = node.string("nearest_mode") ?? (isOld(node) ? "floor" : "round_prefer_floor")
            guard let rounding = Resampling.Rounding(rawValue: rounding) else {
                throw unfit(node, "'\(rounding)' is not a rounding mode")
            }
            return .nearest(rounding)
        case "linear": return .linear
        case "cubic":
            return .cubic(
                coefficient: node.float("cubic_coeff_a") ?? -0.75, excludesOutside: node.flag("exclude_outside"))
        case let mode: throw unfit(node, "'\(mode)' is not a resize mode")
        }
    }

    private func coordinates(
        _ node: NodeView, _ index: Int, of count: Int
    ) throws(FormatError) -> Resampling.Coordinates {
        switch node.string("coordinate_transformation_mode") ?? (isOld(node) ? "asymmetric" : "half_pixel") {
        case "half_pixel": return .halfPixel
        case "half_pixel_symmetric": return .halfPixelSymmetric
        case "pytorch_half_pixel": return .pytorchHalfPixel
        case "asymmetric": return .asymmetric
        case "align_corners": return .alignCorners
        case "tf_crop_and_resize":
            guard let region = known(try node.input(1)), region.type == .float32,
                region.shape.elementCount == 2 * count
            else { throw unfit(node, "it does not say which region is resized") }
            let ends = region.floats
            return .cropAndResize(
                start: ends[index], end: ends[index + count], extrapolation: node.float("extrapolation_value") ?? 0)
        case let mode: throw unfit(node, "'\(mode)' is not a coordinate transformation")
        }
    }
}
