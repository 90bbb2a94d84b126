import Compute

extension Graph {
    /// The size of the axis that an input is an index into, such as the vocabulary of token ids; the smallest of several.
    ///
    /// - Returns: nil for an input that is no index, or is computed with before it is used as one.
    package func indexedSize(_ input: ValueID) -> Int? {
        var sizes: [Int] = []
        var moved: Set<ValueID> = [input]
        for value in values where self[value].operands.contains(where: moved.contains) {
            let operands = self[value].operands
            switch self[value].op {
            case .cast(.int64), .cast(.int32), .reshape, .transpose, .slice, .broadcast: moved.insert(value)
            case .gather(let axis) where moved.contains(operands[1]): sizes.append(shape(operands[0])[axis])
            default: break
            }
        }
        return sizes.min()
    }
}
