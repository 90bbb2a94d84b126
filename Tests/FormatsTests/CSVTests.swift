import Compute
import Testing

@testable import Formats

@Suite struct CSVTests {
    private static func read(_ text: String) throws -> [String: DataArray] {
        let folder = try Folder()
        let path = try folder.write(Array(text.utf8), as: "table.csv")
        return try DatasetReader(path).arrays
    }

    @Test(arguments: [
        "a,b\n1,2\n-3.5,4e2\n", "a,b\r\n1,2\r\n-3.5,4e2\r\n", "\u{FEFF}a,b\n1,2\n-3.5,4e2",
        "\"a\", \"b\"\n 1, 2\n-3.5\t,4e2\n",
    ])
    func `a table is an array of its numbers`(text: String) throws {
        let arrays = try Self.read(text)
        let x = try #require(arrays["x"]?.tensor)
        #expect(arrays.count == 1 && x.shape.dimensions == [2, 2])
        #expect(x.floats == [1, 2, -3.5, 400])
    }

    @Test func `a column of labels is classes when all of them are whole`() throws {
        let classes = try Self.read("a,label,b\n1,0,2\n3,7,4\n")
        #expect(classes["x"]?.tensor.floats == [1, 2, 3, 4])
        #expect(classes["y"]?.tensor.int64s == [0, 7])
        let targets = try Self.read("y,a\n0.5,1\n1,2\n")
        #expect(targets["y"]?.tensor.floats == [0.5, 1])
    }

    @Test(arguments: [
        ("a,b\n1\n", "line 2 of the table has 1 fields for 2 columns"),
        ("a,b\n1,2\n1,2,3\n", "line 3 of the table has 3 fields for 2 columns"),
        ("a,b\n1,2\n\n3,4\n", "line 3 of the table has 1 fields for 2 columns"),
        ("a,b\n1,two\n", "line 2 of the table has 'two' in column 'b': only numbers are read"),
        ("a,b\n1,\n", "line 2 of the table has '' in column 'b': only numbers are read"),
        ("a,b\n1,\"2\"\n", "line 2 of the table has '\"2\"' in column 'b': only numbers are read"),
        ("a,b\n", "the table has names and no numbers"),
        ("y,label,a\n1,2,3\n", "the table has 2 columns of labels: y, label"),
        ("a,b\n1,\u{1B}[31m\n", "line 2 of the table has '\\u{1B}[31m' in column 'b': only numbers are read"),
    ])
    func `what is no number is refused with its place`(text: String, message: String) throws {
        let error = #expect(throws: FormatError.self) { try Self.read(text) }
        #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `limits hold one past them`() throws {
        let names = (0..<CSV.Limits.columns).map { "c\($0)" }.joined(separator: ",")
        let numbers = [String](repeating: "1", count: CSV.Limits.columns).joined(separator: ",")
        #expect(try Self.read("\(names)\n\(numbers)\n")["x"]?.tensor.shape.dimensions == [1, CSV.Limits.columns])
        #expect(throws: FormatError.self) { try Self.read("\(names),d\n\(numbers),1\n") }
        let long = String(repeating: " ", count: CSV.Limits.line)
        #expect(throws: FormatError.self) { try Self.read("a\n1\(long)\n") }
    }

    @Test func `an array of its own is the input`() throws {
        let folder = try Folder()
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
        let start: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
        let elements: [UInt8] = [1, 2, 3, 4].flatMap { (value: Float) in
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
        let whole = try folder.write(start + elements, as: "x.npy")
        #expect(try DatasetReader(whole).arrays["x"]?.tensor.floats == [1, 2, 3, 4])
        for damaged in [start + elements.dropLast(), start + elements + [0], start] {
            let path = try folder.write(damaged, as: "damaged.npy")
            #expect(throws: FormatError.self) { try DatasetReader(path) }
        }
    }
}
