import Testing

@testable import Compute

// Expected numbers are those of PyTorch 2: cross_entropy, kl_div(log_softmax, softmax, "batchmean"),
// binary_cross_entropy_with_logits and mse_loss.
private let logits: [Float] = [1, 2, 3, 0.5, -1, 0, 1000, 0, -1000, 2, 2, 2]

private func loss(_ step: (Tensor) throws -> Step) throws -> [Float] { try result([], of: step).floats }

@Test(
    arguments: [([2, 0, -100, 1], 0.7034497), ([2, 0, 1, 1], 250.5276), ([-100, -100, -100, -100], 0)]
        as [([Int64], Double)])
func `cross-entropy is the mean over the labels that count`(labels: [Int64], expected: Double) throws {
    let labels = try Tensor(labels, Shape([2, 2]))
    let value = try loss {
        try .crossEntropy(logits: tensor(logits, [2, 2, 3]), labels: labels, ignoreIndex: -100, into: $0)
    }
    expectClose(value, [expected])
}

@Test func `rows that are ignored have no derivative`() throws {
    let labels = try Tensor([0, -1] as [Int64], Shape([2]))
    let d = try result([2, 2]) {
        try .crossEntropyBackward(
            logits: zeros([2, 2]), labels: labels, ignoreIndex: -1, dLoss: tensor([2], []), into: $0)
    }
    #expect(d.floats == [-1, 1, 0, 0])
}

@Test func `distillation is the divergence of the student from the teacher`() throws {
    let teacher = try tensor([1, 2, 3, 0.5, -1, 0, 3, 0, -2, 2, 2, 2], [4, 3])
    let student = try tensor([0, 1, 0, 1, -1, 0, 1, 0, 2, 0, 2, 4], [4, 3])
    expectClose(try loss { try .distillation(teacher: teacher, student: student, into: $0) }, [0.6922374])
    expectClose(try loss { try .distillation(teacher: teacher, student: teacher, into: $0) }, [0])
}

@Test func `binary cross-entropy does not overflow`() throws {
    let logits = try tensor([-100, -2, 0, 0.5, 3, 100], [6])
    let targets: [Float] = [0, 1, 0.5, 0.25, 1, 1]
    expectClose(
        try loss { try .binaryCrossEntropy(logits: logits, targets: tensor(targets, [6]), into: $0) }, [0.6196232])
    let others = try tensor(targets.map { 1 - $0 }, [6])
    expectClose(try loss { try .binaryCrossEntropy(logits: logits, targets: others, into: $0) }, [34.07795])
}

@Test func `the mean square is over all elements`() throws {
    let left = try tensor([-100, -2, 0, 0.5, 3, 100], [2, 3])
    let right = try tensor([0, 1, 0.5, 0.25, 1, 1], [2, 3])
    expectClose(try loss { try .meanSquare(left, right, into: $0) }, [3302.385])
}

@Test func `a loss of what is not a number is not a number`() throws {
    let (broken, fine) = try (tensor([.nan, 1, 2, 3], [2, 2]), tensor([0, 1, 2, 3], [2, 2]))
    let labels = try Tensor([0, 1] as [Int64], Shape([2]))
    #expect(try loss { try .crossEntropy(logits: broken, labels: labels, ignoreIndex: -1, into: $0) }[0].isNaN)
    #expect(try loss { try .distillation(teacher: fine, student: broken, into: $0) }[0].isNaN)
    #expect(try loss { try .binaryCrossEntropy(logits: broken, targets: fine, into: $0) }[0].isNaN)
    #expect(try loss { try .meanSquare(broken, fine, into: $0) }[0].isNaN)
}
