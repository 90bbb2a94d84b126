import Testing

@testable import Compute

@Test func `memory starts as zeros at a multiple of 64`() throws {
    let storage = try TensorStorage(byteCount: 100)
    #expect(UInt(bitPattern: storage.bytes) % 64 == 0)
    #expect(try Tensor(zeros: Shape([3])).floats == [0, 0, 0])
}

@Test func `too much memory is an error and not a trap`() throws {
    let shape = try Shape([1 << 55])
    #expect(throws: MemoryError(byteCount: 1 << 57)) { try Tensor(zeros: shape) }
    #expect(throws: MemoryError(byteCount: 1 << 58)) { try Tensor(.int64, zeros: shape) }
}

@Test func `all element types keep their values`() throws {
    let shape = try Shape([2])
    #expect(try Tensor([1.5, -2] as [Float], shape).floats == [1.5, -2])
    #expect(try Tensor([.min, .max] as [Int64], shape).int64s == [.min, .max])
    #expect(try Tensor([.min, .max] as [Int32], shape).int32s == [.min, .max])
    #expect(try Tensor([true, false], shape).bools == [true, false])
}

@Test func `views share elements and clones do not`() throws {
    let whole = try tensor([1, 2, 3, 4, 5, 6], [3, 2])
    let clone = try whole.clone()
    let rows = whole.rows(1..<3)
    #expect(rows.shape == (try Shape([2, 2])))
    #expect(rows.floats == [3, 4, 5, 6])
    rows.copy(from: [30, 40, 50, 60])
    #expect(whole.reshaped(try Shape([6])).floats == [1, 2, 30, 40, 50, 60])
    #expect(clone.floats == [1, 2, 3, 4, 5, 6])
    whole.copy(from: clone)
    #expect(whole.floats == clone.floats)
}

@Test func `views of one arena lie where they are put`() throws {
    let arena = try TensorStorage(byteCount: 24)
    let (left, right) = try (Shape([2]), Shape([4]))
    Tensor(.float32, left, in: arena, byteOffset: 0).copy(from: [1, 2])
    Tensor(.float32, right, in: arena, byteOffset: 8).copy(from: [3, 4, 5, 6])
    #expect(Tensor(.float32, try Shape([6]), in: arena, byteOffset: 0).floats == [1, 2, 3, 4, 5, 6])
}

@Test(arguments: 0..<8)
func `borrowed elements are read at any address`(offset: Int) throws {
    let file = try File(offset: offset, values: [1, -2, 3])
    let storage = TensorStorage(borrowing: file.region, owner: file)
    let tensor = Tensor(.float32, try Shape([3]), in: storage, byteOffset: 0)
    #expect(tensor.floats == [1, -2, 3])
    #expect(tensor.isFinite())
    let negated = try result([3]) { try .unary(.negate, tensor, into: $0) }
    #expect(negated.floats == [-1, 2, -3])
    let address = try UInt(bitPattern: tensor.source())
    #expect(address % 4 == 0)
    #expect((address == UInt(bitPattern: file.region.baseAddress)) == (offset % 4 == 0))
}

@Test(arguments: [1, 2, 3])
func `large borrowed weights are used where they are, at any address`(offset: Int) throws {
    let (rows, columns) = (64, TensorStorage.copyByteLimit / 4 / 64)
    let aligned = try random([rows, columns])
    let file = try File(offset: offset, values: aligned.floats)
    let shape = try Shape([rows, columns])
    let odd = Tensor(.float32, shape, in: TensorStorage(borrowing: file.region, owner: file), byteOffset: 0)
    #expect(try UInt(bitPattern: odd.source()) == UInt(bitPattern: file.region.baseAddress))
    let left = try random([5, rows])
    let product = try result([5, columns]) {
        try .matMul(left, transposed: false, odd, transposed: false, bias: nil, into: $0)
    }
    let expected = try result([5, columns]) {
        try .matMul(left, transposed: false, aligned, transposed: false, bias: nil, into: $0)
    }
    #expect(product.maxAbsoluteDifference(from: expected) < 1e-5)
    let negated = try result([rows, columns]) { try .unary(.negate, odd, into: $0) }
    #expect(negated.rows(63..<64).floats == aligned.rows(63..<64).floats.map { -$0 })
}

@Test func `borrowed elements are never written`() async {
    await #expect(processExitsWith: .failure) {
        let file = try File(offset: 0, values: [1])
        let storage = TensorStorage(borrowing: file.region, owner: file)
        Tensor(.float32, try Shape([1]), in: storage, byteOffset: 0).copy(from: [2])
    }
}

@Test func `bytes go out and come in`() throws {
    let x = try tensor([1, 2], [2])
    #expect(x.withBytes { $0.byteCount } == 8)
    x.withMutableBytes { $0.storeBytes(of: 7, toByteOffset: 4, as: Float.self) }
    #expect(x.floats == [1, 7])
}

@Test(arguments: [Float.infinity, -.infinity, .nan])
func `one bad element is found anywhere`(bad: Float) throws {
    for position in [0, 7, 64] {
        let x = try random([65])
        #expect(x.isFinite())
        x.rows(position..<(position + 1)).copy(from: [bad])
        #expect(!x.isFinite())
    }
    #expect(try tensor([.greatestFiniteMagnitude, -.leastNonzeroMagnitude], [2]).isFinite())
}

@Test func `the largest difference is found and a missing number is not hidden`() throws {
    let (left, right) = try (tensor([1, 2, 3], [3]), tensor([1, -2, 4], [3]))
    #expect(left.maxAbsoluteDifference(from: right) == 4)
    right.rows(0..<1).copy(from: [.nan])
    #expect(left.maxAbsoluteDifference(from: right).isNaN)
}

@Test func `rows are copied in the order asked for`() throws {
    let source = try Tensor([1, 2, 3, 4, 5, 6] as [Int64], Shape([3, 2]))
    let target = try Tensor(.int64, zeros: Shape([4, 2]))
    copyRows(from: source, rows: [2, 0, 0, 1], into: target)
    #expect(target.int64s == [5, 6, 1, 2, 1, 2, 3, 4])
}

/// A stand-in for a mapped file: bytes at an offset from an aligned address.
// @unchecked: the bytes never change.
private final class File: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer
    let region: UnsafeRawBufferPointer

    init(offset: Int, values: [Float]) throws {
        memory = .allocate(byteCount: 64 + 4 * values.count, alignment: 64)
        let bytes = values.withUnsafeBytes { Array($0) }
        memory.baseAddress?.advanced(by: offset).copyMemory(from: bytes, byteCount: bytes.count)
        region = UnsafeRawBufferPointer(rebasing: memory[offset..<(offset + bytes.count)])
    }

    deinit { memory.deallocate() }
}
