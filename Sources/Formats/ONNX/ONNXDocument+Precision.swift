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
        let shape: Shape
        do { shape = try Shape(message.sizes.map(Int.init)) } catch {
            throw .invalidONNX("tensor '\(message.name)': \(error)")
        }
        let count = shape.elementCount
        var bytes = message.raw
        if message.isExternal {
            guard let files else { throw .invalidONNX("tensor '\(message.name)' may not lie in another file") }
            bytes = try files.region(of: message, byteCount: count * precision.byteCount)
        }
        var bits: [UInt64]
        if let bytes {
            guard bytes.count == count * precision.byteCount else {
                throw .invalidONNX(
                    "tensor '\(message.name)' of shape \(shape) needs \(count * precision.byteCount) bytes and has "
                        + "\(bytes.count)")
            }
            bits = (0..<count).map { index in
                (0..<precision.byteCount).reduce(0) { $0 | UInt64(bytes[index * precision.byteCount + $1]) << (8 * $1) }
            }
        } else {
            // The bits of half precisions may be varints.
            guard precision != .float64, message.int32s.count == count else {
                throw .invalidONNX(
                    "tensor '\(message.name)' of shape \(shape) does not have as many elements as its shape")
            }
            bits = message.int32s.map { UInt64(truncatingIfNeeded: $0) }
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
}
