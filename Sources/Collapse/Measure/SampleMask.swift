package import Compute
package import Model

extension Dataset {
    /// The positions that are not padding, `[samples, positions]` of bool, by the input `attention_mask`; nil when all
    /// of them count.
    package func mask() throws(ModelError) -> Tensor? {
        guard let given = inputs["attention_mask"], given.shape.rank == 2 else { return nil }
        return try computing {
            let mask = try Tensor(.bool, zeros: given.shape)
            try Step.cast(given, into: mask).run()
            return mask.bools.contains(false) ? mask : nil
        }
    }
}

extension Tensor {
    /// Compares the leading sizes with those of a mask.
    ///
    /// - Parameter mask: `[samples, positions]` of bool.
    /// - Returns: true for a tensor `[samples, positions, ...]` with a row for each position.
    func hasRow(forEachPlaceOf mask: Tensor) -> Bool {
        shape.rank > 2 && shape.dimensions.prefix(2).elementsEqual(mask.shape.dimensions)
    }

    /// The elements of the rows that count.
    func floats(countedBy mask: Tensor?) -> [Float] {
        guard let mask else { return floats }
        let (values, width) = (floats, shape.elementCount / max(1, mask.shape.elementCount))
        var counted: [Float] = []
        for (row, counts) in mask.bools.enumerated() where counts {
            counted += values[(row * width)..<((row + 1) * width)]
        }
        return counted
    }

    /// The rows that count.
    ///
    /// - Parameter mask: a mask with as many positions as the tensor has rows.
    /// - Returns: `[counted, features]`
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func rows(countedBy mask: Tensor) throws(ModelError) -> Tensor {
        let counted = mask.bools.enumerated().filter(\.element).map(\.offset)
        return try computing {
            let matrix = reshaped(shape.flattenedToMatrix)
            let result = try Tensor(type, zeros: Shape([counted.count, matrix.shape[1]]))
            copyRows(from: matrix, rows: counted, into: result)
            return result
        }
    }
}
