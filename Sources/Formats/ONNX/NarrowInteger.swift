import Compute

/// An integer type of ONNX of fewer than 32 bits, the elements of quantized tensors.
///
/// - SeeAlso: TensorProto.DataType in onnx.proto3
enum NarrowInteger: Int64 {
    case uint8 = 2
    case int8 = 3
    case uint16 = 4
    case int16 = 5
    case uint4 = 21
    case int4 = 22

    var bits: Int {
        switch self {
        case .uint4, .int4: 4
        case .uint8, .int8: 8
        case .uint16, .int16: 16
        }
    }

    var isSigned: Bool { self == .int4 || self == .int8 || self == .int16 }

    /// The numbers of the type.
    var range: ClosedRange<Float> {
        let size = Float(1 << bits)
        return isSigned ? -size / 2...size / 2 - 1 : 0...size - 1
    }

    /// The number of some bits of the type.
    fileprivate func number(_ pattern: Int) -> Float {
        let pattern = pattern & ((1 << bits) - 1)
        return Float(isSigned && pattern >> (bits - 1) == 1 ? pattern - 1 << bits : pattern)
    }
}

extension ONNXDocument {
    /// A tensor of narrow integers as float32, which represents all of them.
    ///
    /// - Throws: ``FormatError`` unless sizes and bytes agree.
    static func floats(
        _ message: ONNXModel.TensorMessage, of type: NarrowInteger, _ files: ExternalFiles?
    ) throws(FormatError) -> Tensor {
        let (shape, bytes) = try elements(of: message, bits: type.bits, files)
        let count = shape.elementCount
        let numbers: [Float]
        if let bytes {
            switch type.bits {
            case 4: numbers = (0..<count).map { type.number(Int(bytes[$0 / 2]) >> (4 * ($0 % 2))) }
            case 8: numbers = (0..<count).map { type.number(Int(bytes[$0])) }
            default: numbers = (0..<count).map { type.number(Int(bytes[2 * $0]) | Int(bytes[2 * $0 + 1]) << 8) }
            }
        } else {
            // The typed field has an element, or two of 4 bits, in each number.
            let perNumber = type.bits == 4 ? 2 : 1
            guard message.int32s.count == (count + perNumber - 1) / perNumber else {
                throw .invalidONNX(
                    "tensor '\(message.name)' of shape \(shape) does not have as many elements as its shape")
            }
            numbers = (0..<count).map { index in
                let pattern = Int(truncatingIfNeeded: message.int32s[index / perNumber])
                return type.number(perNumber == 2 ? pattern >> (4 * (index % 2)) : pattern)
            }
        }
        do { return try Tensor(numbers, shape) } catch { throw .memory(byteCount: 4 * count) }
    }
}
