import Compute
import Foundation
import Testing

@testable import Formats

private func file(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
    little(length ?? UInt64(header.utf8.count), 8) + Array(header.utf8) + (0..<data).map { UInt8($0 & 63) }
}

@Test func `safetensors of every type are read`() throws {
    let header = """
        {"__metadata__":{"format":"pt","by \\"me\\"":"\\u00e9\\ud83d\\ude00"}, "b":{"dtype":"I64","shape":[2],"data_offsets":[8,24]},
        "a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"none":{"shape":[0,3],"dtype":"F32","data_offsets":[8,8]},
        "c":{"dtype":"U8","shape":[],"data_offsets":[24,25]},"d":{"dtype":"F16","shape":[1],"data_offsets":[25,27]}}   
        """
    let folder = try Folder()
    let arrays = try DatasetReader(folder.write(file(header, data: 27))).arrays
    #expect(
        arrays.mapValues(\.tensor.shape.dimensions) == ["a": [1, 2], "b": [2], "c": [], "d": [1], "none": [0, 3]])
    #expect(arrays["a"]?.tensor.floats == [Float(bitPattern: 0x0302_0100), Float(bitPattern: 0x0706_0504)])
    #expect(arrays["b"]?.tensor.int64s == [0x0F0E_0D0C_0B0A_0908, 0x1716_1514_1312_1110])
    #expect(arrays["c"]?.tensor.numbers == [24])
    #expect(arrays["d"]?.tensor.floats == [Float(Float16(bitPattern: 0x1A19))])
    #expect(arrays["d"]?.storedType == "f2")
    #expect(arrays["a"]?.tensor.storage.isWritable == false)
}

private let one = #""dtype":"F32","shape":[1]"#

@Test(
    arguments: [
        ("", 0, 0, "the data file is neither .npz nor .safetensors"),
        ("not safetensors", 0, nil, "the data file is neither .npz nor .safetensors"),
        ("{}", 0, 1 << 63, "the data file is neither .npz nor .safetensors"),
        ("{}", 0, 3, "safetensors: the header has 3 bytes, 2 are left"),
        ("{}", 0, 1, "safetensors, byte 9: no string: the header is damaged"),
        ("{}", 4, nil, "safetensors: 4 bytes belong to no tensor"),
        ("{} x", 0, nil, "safetensors, byte 11: more after the end: the header is damaged"),
        (
            #"{"a":{\#(one),"data_offsets":[0,4]},"a":{\#(one),"data_offsets":[4,8]}}"#, 8, nil,
            "safetensors, byte 66: the name 'a' a second time: the header is damaged"
        ),
        (
            #"{"\u00e9":{\#(one),"data_offsets":[0,4]},"e\u0301":{\#(one),"data_offsets":[4,8]}}"#, 8, nil,
            "safetensors, byte 77: the name 'e\u{301}' a second time: the header is damaged"
        ),
        (
            #"{"a":{\#(one),\#(one),"data_offsets":[0,4]}}"#, 4, nil,
            "safetensors, byte 48: 'dtype' a second time: the header is damaged"
        ),
        (
            #"{"a":{\#(one)}}"#, 0, nil,
            "safetensors, byte 40: a tensor 'a' without dtype, shape or data_offsets: the header is damaged"
        ),
        (
            #"{"a":{\#(one),"data_offsets":[0,4],"more":1}}"#, 4, nil,
            "safetensors, byte 68: 'more': the header is damaged"
        ),
        (#"{"a":{\#(one),"data_offsets":[0,4,8]}}"#, 4, nil, "safetensors, byte 62: 3 offsets: the header is damaged"),
        (#"{"a":{\#(one),"data_offsets":[-1,4]}}"#, 4, nil, "safetensors, byte 56: no number: the header is damaged"),
        (#"{"a":{\#(one),"data_offsets":[0,4.0]}}"#, 4, nil, "safetensors, byte 59: no ']': the header is damaged"),
        (
            #"{"a":{\#(one),"data_offsets":[0,99999999999999999999]}}"#, 4, nil,
            "safetensors, byte 76: a number of more than 63 bits: the header is damaged"
        ),
        (
            #"{"a":{\#(one),"data_offsets":[0,8]}}"#, 8, nil,
            "safetensors: tensor 'a' of shape [1] needs 4 bytes and has 8"
        ),
        (
            #"{"a":{\#(one),"data_offsets":[4,8]}}"#, 8, nil,
            "safetensors: tensor 'a' lies at 4 to 8, the one before it ends at 0 and the file at 8"
        ),
        (
            #"{"a":{\#(one),"data_offsets":[0,4]}}"#, 3, nil,
            "safetensors: tensor 'a' lies at 0 to 4, the one before it ends at 0 and the file at 3"
        ),
        (
            #"{"a":{\#(one),"data_offsets":[4,0]}}"#, 8, nil,
            "safetensors: tensor 'a' lies at 4 to 0, the one before it ends at 0 and the file at 8"
        ),
        (
            #"{"a":{\#(one),"data_offsets":[0,4]},"b":{\#(one),"data_offsets":[2,6]}}"#, 6, nil,
            "safetensors: tensor 'b' lies at 2 to 6, the one before it ends at 4 and the file at 6"
        ),
        (
            #"{"a":{\#(one),"data_offsets":[0,4]},"b":{\#(one),"data_offsets":[0,4]}}"#, 4, nil,
            "safetensors: tensor 'b' lies at 0 to 4, the one before it ends at 4 and the file at 4"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0, nil,
            "safetensors: tensor 'a': [4611686018427387904, 4] is not a shape: sizes must be at least 0 and their product small"
        ),
        (#"{"a":[]}"#, 0, nil, "safetensors, byte 13: no '{': the header is damaged"),
        (#"{"__metadata__":{"a":{}}}"#, 0, nil, "safetensors, byte 29: no string: the header is damaged"),
        (#"{"a\ud83d":1}"#, 0, nil, "safetensors, byte 17: half a character: the header is damaged"),
        (#"{"a\x":1}"#, 0, nil, "safetensors, byte 13: an unknown escape: the header is damaged"),
        ("{\"a\n\":1}", 0, nil, "safetensors, byte 12: a control character: the header is damaged"),
        (#"{"a"#, 0, nil, "safetensors, byte 11: the end inside a string: the header is damaged"),
    ] as [(String, Int, UInt64?, String)])
func `safetensors that lie are refused with where`(header: String, data: Int, length: UInt64?, text: String) throws {
    let folder = try Folder()
    let refusal = failure { _ = try DatasetReader(folder.write(file(header, data: data, length: length))) }
    #expect(refusal?.code == "invalid_data")
    #expect(refusal?.text == text)
}

@Test func `a type that numbers here do not have is named`() throws {
    let folder = try Folder()
    let header = #"{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}"#
    let refusal = failure { _ = try DatasetReader(folder.write(file(header, data: 2))) }
    #expect(refusal?.code == "unsupported_dtype")
    #expect(refusal?.text == "tensor 'a' holds BF16: save it as F32 or I64")
}

@Test func `a header of more than 16 MiB is refused before it is read`() throws {
    let folder = try Folder()
    let refusal = failure { _ = try DatasetReader(folder.write(file("{}", length: (16 << 20) + 1))) }
    #expect(refusal?.code == "file_too_large")
    #expect(refusal?.text == "safetensors: the header has 16777217 bytes; 16777216 are the most")
}

@Test func `objects in objects are not followed`() throws {
    let folder = try Folder()
    let header = String(repeating: #"{"a":"#, count: 100_000)
    let refusal = failure { _ = try DatasetReader(folder.write(file(header))) }
    #expect(refusal?.text == "safetensors, byte 18: 'a': the header is damaged")
}

@Test func `safetensors cut off anywhere, or with any bit turned, are refused or read`() throws {
    let folder = try Folder()
    let bytes = file(
        #"{"__metadata__":{"f":"\u00e9"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]}}"#,
        data: 11)
    for count in bytes.indices {
        #expect(failure { _ = try DatasetReader(folder.write(Array(bytes.prefix(count)))) }?.code == "invalid_data")
    }
    for place in 0..<(8 * bytes.count) {
        var turned = bytes
        turned[place / 8] ^= 1 << UInt8(place % 8)
        let refusal = failure { _ = try DatasetReader(folder.write(turned)) }
        #expect([nil, "invalid_data", "unsupported_dtype", "file_too_large"].contains(refusal?.code))
    }
}

@Test func `what is written as safetensors is read again, and the same gives the same bytes`() throws {
    let folder = try Folder()
    let tensors = [
        "b": try Tensor([1.5, -2, .pi] as [Float], Shape([3, 1])), "a": try Tensor([7, -1] as [Int64], Shape([2])),
        "quote \" slash \\ \u{1} é": try Tensor([Float.ulpOfOne], .scalar), "none": try Tensor(zeros: Shape([0, 2])),
    ]
    let metadata = ["step": "12", "by \"me\"": "line\nline"]
    let (one, other) = (folder.path + "/one", folder.path + "/other")
    try Safetensors.write(tensors, metadata: metadata, to: one)
    try Safetensors.write(tensors, metadata: metadata, to: other)
    let contents = try Safetensors.contents(of: MappedFile(one))
    #expect(contents.metadata == metadata)
    #expect(contents.arrays.mapValues(\.tensor.shape) == tensors.mapValues(\.shape))
    for (name, tensor) in tensors {
        let found = try #require(contents.arrays[name]?.tensor)
        #expect(found.type == tensor.type)
        #expect(
            found.withBytes { Array($0.withUnsafeBytes { $0 }) }
                == tensor.withBytes { Array($0.withUnsafeBytes { $0 }) })
    }
    #expect(try Data(contentsOf: URL(filePath: one)) == Data(contentsOf: URL(filePath: other)))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["one", "other"])
    try Safetensors.write([:], to: one)
    #expect(try Safetensors.contents(of: MappedFile(one)).arrays.isEmpty)
    #expect(throws: FormatError.self) { try Safetensors.write(tensors, to: folder.path + "/no/such") }
}
