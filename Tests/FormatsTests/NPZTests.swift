import Compute
import Foundation
import Testing

@testable import Formats

@Test(arguments: ["stored.npz", "deflated.npz"])
func `every type of numpy is read, in both orders of axes and of bytes`(name: String) throws {
    let arrays = try NPZ.read(MappedFile(Fixture.path(name))).arrays
    let plain: [Double] = [0, 1, -2, 100, -101, 77]
    for type in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "big_f4", "big_f8", "big_i4", "big_i8", "big_i2"] {
        for order in ["", "_fortran"] {
            let array = try #require(arrays[type + order])
            #expect(array.tensor.shape.dimensions == [2, 3])
            #expect(array.tensor.numbers == plain, "\(type)\(order)")
            #expect(array.storedType == type.replacingOccurrences(of: "big_", with: ""))
        }
    }
    for type in ["u1", "u2", "u4"] { #expect(arrays[type]?.tensor.numbers == plain.map(abs)) }
    #expect(arrays["b1_fortran"]?.tensor.numbers == [0, 1, 1, 1, 1, 1])
    #expect(arrays["scalar"]?.tensor.shape.dimensions == [])
    #expect(arrays["scalar"]?.tensor.floats == [2.5])
    #expect(arrays["empty"]?.tensor.shape.dimensions == [0, 3])
    #expect(arrays["cube_fortran"]?.tensor.floats == (0..<24).map(Float.init))
    #expect(arrays.mapValues(\.tensor.type).filter { $0.key.hasPrefix("f") }.values.allSatisfy { $0 == .float32 })
    #expect(arrays["u1"]?.tensor.type == .int32)
    #expect(arrays["i8"]?.tensor.type == .int64)
}

@Test func `an array that is stored as it is read is not copied`() throws {
    let stored = try NPZ.read(MappedFile(Fixture.path("stored.npz"))).arrays
    for key in ["f4", "i8", "i4", "b1"] { #expect(stored[key]?.tensor.storage.isWritable == false) }
}

@Test func `sizes behind the bytes and all versions of the header are read`() throws {
    let arrays = try NPZ.read(MappedFile(Fixture.path("streamed.npz"))).arrays
    #expect(arrays.mapValues(\.tensor.shape.dimensions) == ["version1": [3, 4], "version2": [5], "version3": [2, 2]])
}

@Test(arguments: [
    ("strings.npz", "unsupported_dtype", "array 'x' holds '<U2': save it as float32 or int64"),
    ("complex.npz", "unsupported_dtype", "array 'x' holds '<c16': save it as float32 or int64"),
    ("records.npz", "unsupported_dtype", "array 'x' holds '[(': save it as float32 or int64"),
])
func `arrays that are not numbers are refused`(name: String, code: String, text: String) throws {
    let refusal = failure { _ = try DatasetReader(Fixture.path(name)) }
    #expect(refusal?.code == code)
    #expect(refusal?.text == text)
}

@Test func `an array of objects is passed over until it is asked for`() throws {
    let contents = try NPZ.read(MappedFile(Fixture.path("objects.npz")))
    #expect(contents.arrays.keys.sorted() == ["x"])
    let error = try #require(contents.unreadable["y"])
    #expect(error.code == "pickle_rejected")
    #expect("\(error)" == "array 'y' holds Python objects, a pickle that can run code: save it as float32 or int64")
}

private struct Refused: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]
    let code: String
    let text: String

    init(_ what: String, _ text: String, code: String = "invalid_data", _ entries: [ZipDraft.Entry]) {
        (testDescription, self.text, self.code, bytes) = (what, text, code, ZipDraft(entries).bytes)
    }

    /// A file with one array `x`.
    init(_ what: String, _ text: String, code: String = "invalid_data", npy: [UInt8]) {
        self.init(what, text, code: code, [.init("x.npy", npy)])
    }

    /// A file with one array `x` whose zip entry is changed.
    init(_ what: String, _ text: String, code: String = "invalid_data", _ change: (inout ZipDraft.Entry) -> Void) {
        var entry = ZipDraft.Entry("x.npy", ZipDraft.npy())
        change(&entry)
        self.init(what, text, code: code, [entry])
    }
}

private let lies: [Refused] = [
    Refused("no arrays", "the data file holds no arrays", []),
    Refused(
        "one name twice", "two arrays are named 'x'", [.init("x.npy", ZipDraft.npy()), .init("x.npy", ZipDraft.npy())]),
    Refused(
        "one name in two spellings", "two arrays are named 'e\u{301}'",
        [.init("\u{E9}.npy", ZipDraft.npy()), .init("e\u{301}.npy", ZipDraft.npy())]),
    Refused("encrypted", "truncated or corrupt .npz: 'x.npy' is encrypted") { $0.flags = 1 },
    Refused("another method", "array 'x' is compressed by method 12: save it with numpy.savez") { $0.method = 12 },
    Refused("two sizes", "truncated or corrupt .npz: 'x.npy' has two sizes") { $0.size += 1 },
    Refused("beyond the end", "truncated or corrupt .npz: 'x.npy' is cut off") {
        ($0.size, $0.storedSize) = (1 << 20, 1 << 20)
    },
    Refused("elsewhere", "truncated or corrupt .npz: 'x.npy' is not where the list says") { $0.offset = 3 },
    Refused("after the end", "truncated or corrupt .npz: 'x.npy' is not where the list says") {
        $0.offset = 0xFFFF_FFF0
    },
    Refused(
        "another checksum", "array 'x' is damaged: its bytes do not have the checksum that the file names"
    ) { $0.checksum ^= 1 },
    Refused(
        "sizes of 2^63 in ZIP64", "truncated or corrupt .npz: 'x.npy' is cut off"
    ) {
        ($0.size, $0.storedSize) = (0xFFFF_FFFF, 0xFFFF_FFFF)
        $0.extra = little(1, 2) + little(16, 2) + little(1 << 63, 8) + little(1 << 63, 8)
    },
    Refused(
        "an offset of 2^63 in ZIP64", "truncated or corrupt .npz: 'x.npy' is not where the list says"
    ) {
        $0.offset = 0xFFFF_FFFF
        $0.extra = little(1, 2) + little(8, 2) + little(.max, 8)
    },
    Refused(
        "ZIP64 cut short", "truncated or corrupt .npz: 'x.npy' is cut off"
    ) {
        ($0.size, $0.storedSize) = (0xFFFF_FFFF, 0xFFFF_FFFF)
        $0.extra = little(1, 2) + little(16, 2) + little(0, 3)
    },
    Refused(
        "bytes shared", "truncated or corrupt .npz: two arrays share bytes",
        [
            .init("x.npy", ZipDraft.npy()),
            {
                var entry = ZipDraft.Entry("y.npy", ZipDraft.npy())
                entry.offset = 0
                return entry
            }(),
        ]),
    Refused(
        "a bomb", "'x.npy' claims to be 1073741824 bytes in 20", code: "file_too_large",
        [
            {
                var entry = ZipDraft.Entry.deflated("x.npy", [UInt8](repeating: 0, count: 15))
                entry.size = 1 << 30
                return entry
            }()
        ]),
    Refused(
        "a shape larger than its bytes", "array 'x' of shape [3] and type f4 has 8 bytes", npy: ZipDraft.npy("(3,)")),
    Refused("a shape smaller than its bytes", "array 'x' of shape [] and type f4 has 8 bytes", npy: ZipDraft.npy("()")),
    Refused(
        "a deflated shape that lies", "array 'x' of shape [268435456, 268435456] and type f4 has 8 bytes",
        [
            .deflated("x.npy", ZipDraft.npy("(268435456, 268435456)"))
        ]),
    Refused(
        "deflated bytes that are not", "array 'x' is damaged: its compressed bytes do not decode",
        [
            {
                var entry = ZipDraft.Entry.deflated("x.npy", ZipDraft.npy())
                entry.stored[0] = 7
                return entry
            }()
        ]),
    Refused(
        "fewer deflated bytes", "array 'x' is damaged: its compressed bytes do not decode",
        [
            {
                var entry = ZipDraft.Entry.deflated("x.npy", ZipDraft.npy())
                entry.size += 4
                return entry
            }()
        ]),
    Refused(
        "a size of 2^63", "array 'x': its shape is '(9223372036854775808,), }\n'",
        npy: ZipDraft.npy("(9223372036854775808,)")),
    Refused(
        "a size of 2^63 - 1",
        "array 'x': [9223372036854775807] is not a shape: sizes must be at least 0 and their product small",
        npy: ZipDraft.npy("(9223372036854775807,)")),
    Refused("a size below zero", "array 'x': its shape is '(-1,), }\n'", npy: ZipDraft.npy("(-1,)")),
    Refused("a size with a sign", "array 'x': its shape is '(+2,), }\n'", npy: ZipDraft.npy("(+2,)")),
    Refused(
        "a size of zero beside a large one",
        "array 'x': [0, 4611686018427387904] is not a shape: sizes must be at least 0 and their product small",
        npy: ZipDraft.npy("(0, 4611686018427387904)", data: [])),
    Refused(
        "many axes", "array 'x': its shape is '(\(String(repeating: "1,", count: 29))1'",
        npy: ZipDraft.npy("(" + String(repeating: "1,", count: 40) + ")")),
    Refused("no magic", "array 'x': not an .npy file", npy: [UInt8](repeating: 0, count: 100)),
    Refused("nothing", "array 'x': not an .npy file", npy: []),
    Refused("version 9", "array 'x': its header is damaged", npy: ZipDraft.header("{}", version: 9) + [0, 0]),
    Refused(
        "a header without a shape", "array 'x': its header lacks 'descr', 'fortran_order' or 'shape'",
        npy: ZipDraft.header("{'descr': '<f4', 'fortran_order': False}")),
    Refused(
        "a header longer than the file", "array 'x': its header is damaged",
        npy: Array(ZipDraft.header(String(repeating: " ", count: 300)).prefix(200))),
    Refused(
        "a header of 4 GiB", "array 'x': its header is damaged",
        npy: [0x93] + Array("NUMPY".utf8) + [2, 0, 255, 255, 255, 255, 0, 0]),
    Refused(
        "objects", "array 'x' holds Python objects, a pickle that can run code: save it as float32 or int64",
        code: "pickle_rejected",
        npy: ZipDraft.npy(type: "'|O'")),
]

@Test(arguments: lies)
private func `an npz that lies is refused with what is wrong`(refused: Refused) throws {
    let folder = try Folder()
    let refusal = failure { _ = try DatasetReader(folder.write(refused.bytes)) }
    #expect(refusal?.code == refused.code)
    #expect(refusal?.text == refused.text)
}

@Test func `an array is named by the bytes before the ending`() throws {
    let folder = try Folder()
    // U+0600 and the dot after it form one `Character`, as do the accent and the letter before it.
    let names = ["x\u{600}.npy", "x.npy", "y.npy\u{301}"]
    let draft = ZipDraft(names.map { .init($0, ZipDraft.npy()) })
    #expect(try Set(DatasetReader(folder.write(draft.bytes)).arrays.keys) == ["x\u{600}", "x"])
}

@Test func `an npz of more arrays than anybody has is refused before they are read`() throws {
    let folder = try Folder()
    var draft = ZipDraft([])
    draft.count = 10_001
    let refusal = failure { _ = try DatasetReader(folder.write(draft.bytes)) }
    #expect(refusal?.code == "file_too_large")
    #expect(refusal?.text == "the data file has 10001 arrays")
}

@Test(arguments: ["streamed.npz", "objects.npz"])
func `an npz that is cut off anywhere is refused`(name: String) throws {
    let (folder, bytes) = (try Folder(), try Fixture.bytes(name))
    for count in bytes.indices {
        let refusal = failure { _ = try DatasetReader(folder.write(Array(bytes.prefix(count)))) }
        #expect(["invalid_data", "pickle_rejected"].contains(refusal?.code))
    }
}

@Test func `an npz with any bit turned is refused or read`() throws {
    let (folder, bytes) = (try Folder(), try Fixture.bytes("streamed.npz"))
    let draft = ZipDraft([.init("x.npy", ZipDraft.npy()), .deflated("y.npy", ZipDraft.npy("(1, 2)", order: "True"))])
    for bytes in [bytes, draft.bytes] {
        for place in 0..<(8 * bytes.count) {
            var turned = bytes
            turned[place / 8] ^= 1 << UInt8(place % 8)
            do { _ = try NPZ.read(MappedFile(folder.write(turned))) } catch let error as FormatError {
                #expect(!error.code.isEmpty)
            }
        }
    }
}

@Test func `what is written is read again, by any reader of zip`() throws {
    let folder = try Folder()
    let path = folder.path + "/out.npz"
    let floats = try Tensor([Float(1), -2, 0.5, 3, .pi, 7], Shape([2, 3]))
    let integers = try Tensor([Int64.min, .max], Shape([2]))
    let scalar = try Tensor([Float(4)], .scalar)
    try NPZ.write(
        [("logits", floats), ("n", integers), ("one", scalar), ("b", Tensor([true, false], Shape([2])))], to: path)
    let arrays = try NPZ.read(MappedFile(path)).arrays
    #expect(arrays["logits"]?.tensor.shape == floats.shape)
    #expect(arrays["logits"]?.tensor.floats == floats.floats)
    #expect(arrays["n"]?.tensor.int64s == [.min, .max])
    #expect(arrays["one"]?.tensor.shape == .scalar)
    #expect(arrays["b"]?.tensor.bools == [true, false])
    // The header ends at a multiple of 64, as in numpy; the local header before it is 30 bytes and a name.
    #expect(try contents(path).firstRange(of: Array("'shape': (2, 3,), }".utf8)) != nil)
}
