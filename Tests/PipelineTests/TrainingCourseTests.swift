import Testing

@testable import Collapse
@testable import JobContract
@testable import Pipeline

@Suite struct TrainingCourseTests {
    private static func course(_ steps: Int, from first: Int = 1) -> TrainingCourse {
        var course = TrainingCourse()
        for step in first..<(first + steps) { course.add(Self.step(step, of: steps)) }
        return course
    }

    private static func step(_ number: Int, of steps: Int) -> TrainingStep {
        TrainingStep(
            step: number, steps: steps, stepsPerEpoch: 10, batchSize: 4, loss: Float(number), learningRate: 1,
            slopes: [("a", Float(number) / 2)])
    }

    @Test(arguments: [1, 199, 200, 201, 399, 400, 401, 10_000])
    func `a training of any length has at most 200 entries, and its last step`(steps: Int) throws {
        let document = Self.course(steps).document
        let entries = try #require(document["steps"]?.array)
        #expect(entries.count <= 200)
        #expect(entries.count >= min(steps, 100))
        #expect(entries.last == .int(steps))
        #expect(document["slopes"]?["a"]?.array?.last?.double == Double(steps) / 2)
        #expect(document["slopes"]?["a"]?.array?.count == entries.count)
    }

    @Test func `an entry is the mean loss of its steps`() {
        let document = Self.course(400).document
        // The loss of a step is its number, and an entry holds four steps.
        #expect(document["steps"]?.array?.prefix(2) == [4, 8])
        #expect(document["loss"]?.array?.prefix(2) == [2.5, 6.5])
    }

    @Test func `a training that begins anew takes the place of the one before`() {
        var course = Self.course(50)
        for step in 1...3 { course.add(Self.step(step, of: 3)) }
        #expect(course.document["steps"] == [1, 2, 3])
        #expect(TrainingCourse().document == .null)
    }
}
