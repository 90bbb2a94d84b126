import Compute
import Model
import Testing

@testable import Collapse

@Suite struct SamplesTests {
    /// A data set whose samples are numbered by their values.
    private static func numbered(_ count: Int) throws -> Dataset {
        Dataset(
            inputs: ["x": try Tensor((0..<count).map(Float.init), Shape([count, 1]))],
            labels: try Tensor((0..<count).map(Int64.init), Shape([count])), count: count)
    }

    private static func members(_ dataset: Dataset) throws -> [Int] {
        let numbers = try #require(dataset.inputs["x"]).floats.map { Int($0) }
        // Inputs and labels belong to the same samples.
        #expect(try #require(dataset.labels).int64s.map(Int.init) == numbers)
        #expect(dataset.count == numbers.count)
        return numbers
    }

    @Test(arguments: [
        (2, 1), (3, 1), (4, 1), (5, 1), (9, 2), (10, 2), (100, 25), (1000, 250), (2000, 500),
        (4000, 800), (9000, 1800), (20_000, 2000),
    ])
    func `what decides is no part of what is learnt from`(count: Int, deciding: Int) throws {
        let samples = try Samples(Self.numbered(count), calibrationCount: 1000, keepsAll: false, seed: 3)
        let (training, search) = (try Self.members(samples.training), try Self.members(samples.search))
        #expect(search.count == deciding)
        #expect((training + search).sorted() == Array(0..<count))
        #expect(training == training.sorted())
        let calibration = try Self.members(samples.calibration)
        #expect(calibration.count == min(1000, count - deciding))
        #expect(Set(calibration).isSubset(of: training))
    }

    @Test func `the whole data set keeps its order when nothing is decided`() throws {
        let samples = try Samples(Self.numbered(50), calibrationCount: 7, keepsAll: true, seed: 3)
        #expect(try Self.members(samples.training) == Array(0..<50))
        #expect(samples.search.count == 12)
        #expect(try Set(Self.members(samples.calibration)).isDisjoint(with: Self.members(samples.search)))
    }

    @Test func `samples of another part decide, and all of the data set is learnt from`() throws {
        let (deciding, certifying) = try Self.numbered(101).divided(seed: 3)
        let decisive = try Self.members(#require(deciding))
        #expect(decisive.count == 50)
        #expect(try (decisive + Self.members(certifying)).sorted() == Array(0..<101))
        let samples = try Samples(Self.numbered(30), deciding: deciding, calibrationCount: 7, keepsAll: false, seed: 3)
        #expect(try Self.members(samples.search) == decisive)
        #expect(try Self.members(samples.training) == Array(0..<30))
        #expect(samples.calibration.count == 7)
        #expect(try Self.numbered(5000).divided(seed: 3).deciding?.count == 2000)
        #expect(try Self.numbered(1).divided(seed: 3).deciding == nil)
    }

    @Test func `the same seed takes the same samples, another others`() throws {
        func search(_ seed: UInt64) throws -> [Int] {
            try Self.members(Samples(Self.numbered(500), calibrationCount: 100, keepsAll: false, seed: seed).search)
        }
        #expect(try search(1) == search(1))
        #expect(try search(1) != search(2))
    }

    @Test func `no calibration samples at all become one`() throws {
        #expect(try Samples(Self.numbered(10), calibrationCount: 0, keepsAll: false, seed: 0).calibration.count == 1)
    }
}
