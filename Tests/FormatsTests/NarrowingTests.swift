import Compute
import Testing

@testable import Formats

@Suite struct NarrowingTests {
    /// The bits of numbers in another precision, as numpy and ml_dtypes give them.
    private static let known: [(precision: ONNXDocument.Precision, values: [Float], bits: [UInt64])] = [
        (.float16, [1, -2, 0.1, 65504, 1e-8, -0.0], [0x3C00, 0xC000, 0x2E66, 0x7BFF, 0, 0x8000]),
        // Beyond the largest, and what is no number.
        (.float16, [1e6, -1e6, .infinity, -.infinity], [0x7BFF, 0xFBFF, 0x7C00, 0xFC00]),
        // Halves of a unit go to the even neighbour.
        (.bfloat16, [1, -2, 1.003_906_25, 1.011_718_75, 1.005], [0x3F80, 0xC000, 0x3F80, 0x3F82, 0x3F81]),
        (.bfloat16, [.infinity, -.infinity], [0x7F80, 0xFF80]),
        (.float64, [1, -0.5, .infinity], [0x3FF0_0000_0000_0000, 0xBFE0_0000_0000_0000, 0x7FF0_0000_0000_0000]),
    ]

    @Test(arguments: known.indices)
    func `a number is rounded to nearest, ties to even`(index: Int) throws {
        let (precision, values, bits) = Self.known[index]
        let bytes = try Tensor(values, Shape([values.count])).narrowed(to: precision)
        let expected = bits.flatMap { bits in
            (0..<precision.byteCount).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
        }
        #expect(bytes == expected)
    }

    @Test(arguments: [ONNXDocument.Precision.float16, .bfloat16, .float64])
    func `what is no number stays none`(precision: ONNXDocument.Precision) throws {
        let folder = try Folder()
        let bytes = try Tensor([.nan, 0.5], Shape([2])).narrowed(to: precision)
        let weight = ONNXBuilder.Weight(name: "w", sizes: [2], type: precision.rawValue, raw: bytes)
        let model = ONNXBuilder([.init(opType: "Relu", inputs: ["x"])], [weight])
        let read = try #require(try ONNXDocument(folder.write(model.bytes)).weights["w"])
        #expect(read.type == .float32 && read.floats[0].isNaN && read.floats[1] == 0.5)
    }

    @Test func `float64 in its own field is read, packed or one by one`() throws {
        let folder = try Folder()
        let bytes = try Tensor([0.25, -3], Shape([2])).narrowed(to: .float64)
        let single = [81] + bytes.prefix(8) + [81] + bytes.suffix(8)
        for more in [Wire.field(10, bytes), single] {
            let weight = ONNXBuilder.Weight(name: "w", sizes: [2], type: 11, more: more)
            let model = ONNXBuilder([.init(opType: "Relu", inputs: ["x"])], [weight])
            #expect(try ONNXDocument(folder.write(model.bytes)).weights["w"]?.floats == [0.25, -3])
        }
    }
}
