import Compute
import Foundation
import Model
import Testing

@testable import Formats

/// Reads, lowers and runs arbitrary bytes, and accepts only errors of the module.
///
/// - Returns: true when the bytes are a model.
@discardableResult
private func exercise(_ bytes: [UInt8], in folder: Folder) throws -> Bool {
    let path = try folder.write(bytes)
    let graph: Graph
    do {
        graph = try ONNXDocument(path).lower(batch: 2)
    } catch {
        #expect(!error.code.isEmpty && !error.description.isEmpty)
        return false
    }
    // Large graphs are not run: the limits of the job apply to them.
    guard graph.nodes.reduce(0, { $0 + $1.type.shape.elementCount }) < 100_000, graph.nodes.allSatisfy(\.op.isSmall)
    else { return true }
    do {
        let plan = try ExecutionPlan(graph, fetching: graph.outputs.map(\.value))
        plan.run()
    } catch {
        #expect(!error.description.isEmpty)
    }
    return true
}

extension Op {
    fileprivate var isSmall: Bool {
        switch self {
        case .convolution(let window, _), .maxPool(let window), .averagePool(let window, _):
            window.kernel.reduce(1) { $0 * $1 } < 1000
        default: true
        }
    }
}

private let models = [
    "layers.onnx", "unknown-fields.onnx", "shared.onnx", "inputs-of-weights.onnx", "quantized.onnx",
]

@Test(arguments: models)
private func `a model that is cut off anywhere is refused or whole`(name: String) throws {
    let (folder, bytes) = (try Folder(), try Fixture.bytes(name))
    for count in bytes.indices {
        // The fields after the graph may be missing without harm.
        try exercise(Array(bytes.prefix(count)), in: folder)
    }
    #expect(try exercise(bytes, in: folder) == (name != "quantized.onnx"))
}

@Test(arguments: models.prefix(3))
private func `a model with any bit turned is refused or read`(name: String) throws {
    let (folder, bytes) = (try Folder(), try Fixture.bytes(name))
    for index in bytes.indices {
        for bit in 0..<8 {
            var turned = bytes
            turned[index] ^= 1 << UInt8(bit)
            try exercise(turned, in: folder)
        }
    }
}

@Test(arguments: 0..<4)
private func `an operator with bytes changed is refused or run`(seed: Int) throws {
    let folder = try Folder()
    var random = SeededRandom(seed: UInt64(seed))
    let hurtful: [UInt8] = [0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x0A, 0x08, 0x12]
    let names = try FileManager.default.contentsOfDirectory(atPath: Fixture.path("ops")).sorted()
    #expect(names.count > 200)
    for name in names {
        let bytes = try Fixture.bytes("ops/" + name)
        for _ in 0..<8 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: changed.indices, using: &random)
                changed[index] =
                    Bool.random(using: &random)
                    ? hurtful[Int.random(in: hurtful.indices, using: &random)]
                    : UInt8.random(in: 0...255, using: &random)
            }
            try exercise(changed, in: folder)
        }
    }
}

/// Replaces each number of each operator's network by values that have broken readers.
@Test(arguments: [0, 1, -1, 2, 7, 1 << 31, -(1 << 31), .max, .min] as [Int64])
private func `an operator with any number replaced is refused or run`(number: Int64) throws {
    let folder = try Folder()
    for name in try FileManager.default.contentsOfDirectory(atPath: Fixture.path("ops")).sorted() {
        for changed in Numbers.replacing(try Fixture.bytes("ops/" + name), with: number) {
            try exercise(changed, in: folder)
        }
    }
}

/// Replaces the numbers of a model one by one, and corrects the lengths around them.
private enum Numbers {
    /// The structure of a message: its fields that are messages, such as graph, node, attribute and tensor.
    private indirect enum Kind {
        case message([UInt64: Kind])
        /// A message with numbers in these fields.
        case numbers(Set<UInt64>, raw: UInt64?, [UInt64: Kind])
    }

    private static let tensor = Kind.numbers([1, 2, 5, 7], raw: 9, [:])
    private static let attribute = Kind.numbers([3, 8, 20], raw: nil, [5: tensor])
    private static let dimension = Kind.numbers([1], raw: nil, [:])
    private static let shape = Kind.message([1: dimension])
    private static let type = Kind.message([1: .numbers([1], raw: nil, [2: shape])])
    private static let graph = Kind.message([1: .message([5: attribute]), 5: tensor, 11: .message([2: type])])
    private static let model = Kind.numbers([1], raw: nil, [7: graph, 8: .numbers([2], raw: nil, [:])])

    /// One variant for each number.
    static func replacing(_ bytes: [UInt8], with number: Int64) -> [[UInt8]] {
        variants(bytes[...], model, number)
    }

    private static func variants(_ bytes: ArraySlice<UInt8>, _ kind: Kind, _ number: Int64) -> [[UInt8]] {
        var fields: [[UInt8]] = []
        var changes: [(place: Int, field: [UInt8])] = []
        let (numbers, raw, messages): (Set<UInt64>, UInt64?, [UInt64: Kind]) =
            switch kind {
            case .message(let messages): ([], nil, messages)
            case .numbers(let numbers, let raw, let messages): (numbers, raw, messages)
            }
        var rest = bytes
        while !rest.isEmpty {
            let start = rest.startIndex
            let tag = varint(&rest)
            let field = tag >> 3
            switch tag & 7 {
            case 0:
                _ = varint(&rest)
                if numbers.contains(field) { changes.append((fields.count, Wire.field(field, number))) }
            case 2:
                let count = Int(varint(&rest))
                let content = rest.prefix(count)
                rest = rest.dropFirst(count)
                if let kind = messages[field] {
                    for variant in variants(content, kind, number) {
                        changes.append((fields.count, Wire.field(field, variant)))
                    }
                } else if field == raw, count % 8 == 0, count <= 64 {
                    // These may be sizes: only the first and the last are replaced.
                    for place in Set([0, count - 8]) where count > 0 {
                        var content = Array(content)
                        for byte in 0..<8 { content[place + byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
                        changes.append((fields.count, Wire.field(field, content)))
                    }
                } else if numbers.contains(field), count > 0 {
                    changes.append((fields.count, Wire.field(field, Wire.varint(UInt64(bitPattern: number)))))
                }
            case 5: rest = rest.dropFirst(4)
            default: rest = rest.dropFirst(8)
            }
            fields.append(Array(bytes[start..<rest.startIndex]))
        }
        return changes.map { change in
            var changed = fields
            changed[change.place] = change.field
            return Array(changed.joined())
        }
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64 {
        var (value, shift) = (UInt64(0), UInt64(0))
        while let byte = bytes.popFirst() {
            value |= UInt64(byte & 127) << shift
            shift += 7
            if byte < 128 { break }
        }
        return value
    }
}
