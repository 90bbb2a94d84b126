// Test support: writes ONNX files, valid or invalid, without the code under test.

/// Encodes protobuf fields, independently of the tested code.
enum Wire {
    static func varint(_ value: UInt64) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
    }

    static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(content.count)) + content
    }

    static func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    static func field(_ number: UInt64, _ value: Int64) -> [UInt8] {
        varint(number << 3) + varint(UInt64(bitPattern: value))
    }
}

/// Builds an ONNX model, valid or invalid.
struct ONNXBuilder {
    struct Node {
        var opType: String
        var inputs: [String]
        var outputs = ["y"]
        var ints: [String: [Int64]] = [:]
        var int: [String: Int64] = [:]
        var strings: [String: String] = [:]
        var domain = ""
        /// Encoded fields to append.
        var more: [UInt8] = []

        var bytes: [UInt8] {
            var bytes = inputs.flatMap { Wire.field(1, $0) } + outputs.flatMap { Wire.field(2, $0) }
            bytes += Wire.field(3, "/\(opType)") + Wire.field(4, opType)
            for (name, values) in ints.sorted(by: { $0.key < $1.key }) {
                let list = values.flatMap { Wire.field(8, $0) }
                bytes += Wire.field(5, Wire.field(1, name) + list + Wire.field(20, 7))
            }
            for (name, value) in int.sorted(by: { $0.key < $1.key }) {
                bytes += Wire.field(5, Wire.field(1, name) + Wire.field(3, value) + Wire.field(20, 2))
            }
            for (name, value) in strings.sorted(by: { $0.key < $1.key }) {
                bytes += Wire.field(5, Wire.field(1, name) + Wire.field(4, value) + Wire.field(20, 3))
            }
            return bytes + (domain.isEmpty ? [] : Wire.field(7, domain)) + more
        }
    }

    struct Weight {
        var name: String
        var sizes: [Int64]
        var type: Int64 = 1
        var raw: [UInt8]?
        /// Encoded fields to append.
        var more: [UInt8] = []

        static func floats(_ name: String, _ sizes: [Int64], _ value: Float = 0.5) -> Weight {
            let bits = value.bitPattern
            let one = (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
            return Weight(name: name, sizes: sizes, raw: (0..<sizes.reduce(1, *)).flatMap { _ in one })
        }

        static func integers(_ name: String, _ values: [Int64], _ sizes: [Int64]? = nil) -> Weight {
            let raw = values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
            return Weight(name: name, sizes: sizes ?? [Int64(values.count)], type: 7, raw: raw)
        }

        static func external(_ name: String, _ sizes: [Int64], _ entries: [(String, String)]) -> Weight {
            let fields = entries.flatMap { Wire.field(13, Wire.field(1, $0.0) + Wire.field(2, $0.1)) }
            return Weight(name: name, sizes: sizes, more: fields + Wire.field(14, 1))
        }

        var bytes: [UInt8] {
            sizes.flatMap { Wire.field(1, $0) } + Wire.field(2, type) + Wire.field(8, name)
                + (raw.map { Wire.field(9, $0) } ?? []) + more
        }
    }

    var irVersion: Int64 = 8
    var opset: Int64 = 17
    /// The name, element type and sizes of each input; a negative size is symbolic.
    var inputs: [(name: String, type: Int64, sizes: [Int64])] = [("x", 1, [-1, 4])]
    var outputs = ["y"]
    var nodes: [Node] = []
    var weights: [Weight] = []
    /// Encoded fields to append.
    var moreOfGraph: [UInt8] = []
    var moreOfModel: [UInt8] = []

    init(_ nodes: [Node], _ weights: [Weight] = [], x: [Int64] = [-1, 4]) {
        self.nodes = nodes
        self.weights = weights
        inputs[0].sizes = x
    }

    static func value(_ name: String, _ type: Int64, _ sizes: [Int64]) -> [UInt8] {
        let shape = sizes.flatMap { Wire.field(1, $0 < 0 ? Wire.field(2, "open\($0)") : Wire.field(1, $0)) }
        let tensor = Wire.field(1, type) + Wire.field(2, shape)
        return Wire.field(1, name) + Wire.field(2, Wire.field(1, tensor))
    }

    var bytes: [UInt8] {
        var graph = nodes.flatMap { Wire.field(1, $0.bytes) } + Wire.field(2, "draft")
        graph += weights.flatMap { Wire.field(5, $0.bytes) }
        graph += inputs.flatMap { Wire.field(11, Self.value($0.name, $0.type, $0.sizes)) }
        graph += outputs.flatMap { Wire.field(12, Wire.field(1, $0)) } + moreOfGraph
        let version = Wire.field(8, Wire.field(1, "") + Wire.field(2, opset))
        return Wire.field(1, irVersion) + version + Wire.field(7, graph) + moreOfModel
    }
}
