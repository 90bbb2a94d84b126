import Compute

extension ONNXDocument {
    /// The floats of ONNX that are computed in float32.
    ///
    /// - SeeAlso: TensorProto.DataType in onnx.proto3
    enum Precision: Int64 {
        case float16 = 10
        case float64 = 11
        case bfloat16 = 16

        var byteCount: Int { self == .float64 ? 8 : 2 }
    }

    /// A tensor of another precision as float32.
    ///
    /// - Throws: ``FormatError`` unless sizes and bytes agree.
    static func widened(
        _ message: ONNXModel.TensorMessage, from precision: Precision, _ files: ExternalFiles?
    ) throws(FormatError) -> Tensor {
        let width = precision.byteCount
        let (shape, bytes) = try elements(of: message, bits: 8 * width, files)
        let count = shape.elementCount
        let bits: [UInt64]
        if let bytes {
            bits = (0..<count).map { index in
                (0..<width).reduce(0) { $0 | UInt64(bytes[index * width + $1]) << (8 * $1) }
            }
        } else {
            // Half precisions are varints of their bits.
            let doubles = message.doubles
            bits =
                precision == .float64
                ? (0..<(doubles.count / 8)).map { index in
                    (0..<8).reduce(0) { $0 | UInt64(doubles[8 * index + $1]) << (8 * $1) }
                } : message.int32s.map { UInt64(truncatingIfNeeded: $0) }
            guard bits.count == count else {
                throw .invalidONNX(
                    "tensor '\(message.name)' of shape \(shape) does not have as many elements as its shape")
            }
        }
        let floats = bits.map { bits -> Float in
            switch precision {
            case .float16: Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
            case .bfloat16: Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16)
            case .float64: Float(Double(bitPattern: bits))
            }
        }
        do { return try Tensor(floats, shape) } catch { throw .memory(byteCount: 4 * count) }
    }

    /// The precisions of the values of the graph that are floats of another kind than float32, by name.
    ///
    /// Nearly every operator has the precision of its first float operand.
    var precisions: [String: Precision] {
        var types: [String: Int64] = [:]
        for input in model.inputs { types[input.name] = input.elementType }
        for initializer in model.initializers { types[initializer.name] = initializer.dataType }
        let floats: Set<Int64> = [1, 10, 11, 16]
        for node in model.nodes {
            let operands = node.inputs.compactMap { types[$0] }
            var type: Int64? = operands.first(where: floats.contains)
            switch node.opType {
            case "Cast": if case .int(let to) = node.attributes["to"] { type = to }
            case "CastLike", "OneHot": type = node.inputs.last.flatMap { types[$0] }
            case "Constant", "ConstantOfShape":
                if case .tensor(let message) = node.attributes["value"] { type = message.dataType }
            default: break
            }
            for output in node.outputs where !output.isEmpty { types[output] = type }
        }
        return types.compactMapValues(Precision.init(rawValue:))
    }

    /// The largest error of an output, relative to the largest output, that rounding to the precisions of the file
    /// explains.
    package var roundingTolerance: Double {
        model.initializers.map {
            switch Precision(rawValue: $0.dataType) {
            case .bfloat16: 5e-2
            case .float16: 1e-2
            case .float64, nil: 1e-4
            }
        }.max() ?? 1e-4
    }
}

extension Tensor {
    /// The little-endian bytes of the elements of a float32 tensor in another precision.
    ///
    /// Numbers beyond the largest of float16 become the largest.
    func narrowed(to precision: ONNXDocument.Precision) -> [UInt8] {
        let largest = Float(Float16.greatestFiniteMagnitude)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(shape.elementCount * precision.byteCount)
        for value in floats {
            let bits: UInt64 =
                switch precision {
                case .float16: UInt64(Float16(value.isFinite ? min(max(value, -largest), largest) : value).bitPattern)
                case .bfloat16: UInt64(value.roundedToBFloat16)
                case .float64: Double(value).bitPattern
                }
            for index in 0..<precision.byteCount { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * index))) }
        }
        return bytes
    }
}

extension Float {
    /// The upper half of the bits, rounded to nearest, ties to even.
    fileprivate var roundedToBFloat16: UInt16 {
        guard isFinite else { return UInt16(bitPattern >> 16) | (isNaN ? 0x40 : 0) }
        return UInt16(truncatingIfNeeded: (bitPattern + 0x7FFF + ((bitPattern >> 16) & 1)) >> 16)
    }
}
