import Compute

extension Graph {
    /// The op that exchanges the first two axes of a value.
    package func exchangingAxes(of value: ValueID) -> Op {
        .transpose([1, 0] + shape(value).dimensions.indices.dropFirst(2))
    }

    /// The axis on which the file has the samples of an input: 1 where a lowering put a transpose behind it, which no node
    /// of the file stands for, else 0.
    package func sampleAxis(ofInput input: ValueID) -> Int {
        values.contains { self[$0].operands == [input] && isExchange($0) } ? 1 : 0
    }

    /// The axis on which the file has the samples of an output: 1 where a lowering put a transpose in front of it.
    package func sampleAxis(ofOutput output: ValueID) -> Int { isExchange(output) ? 1 : 0 }

    /// False for a value whose first axis does not hold the samples, such as `[T, N, F]` behind an input of that order.
    package func hasSamplesFirst(_ value: ValueID) -> Bool {
        let sizes = shape(value).dimensions
        guard let first = sizes.first, first.isMultiple(of: batchSize) else { return false }
        guard sizes.count > 2, sizes[1] == batchSize else { return true }
        return !inputs.contains { sampleAxis(ofInput: $0) == 1 && shape($0)[1] == first }
    }

    private func isExchange(_ value: ValueID) -> Bool {
        if case .transpose = self[value].op { self[value].origin == .none } else { false }
    }
}
