package import Compute
package import Model

extension Dataset {
    /// Which places of each sample are no padding, `[samples, places]` of bool, by the input that models with sequences
    /// have for it; nil where all of them count.
    package func mask() throws(ModelError) -> Tensor? {
        guard let given = inputs["attention_mask"], given.shape.rank == 2 else { return nil }
        do {
            let mask = try Tensor(.bool, zeros: given.shape)
            try Step.cast(given, into: mask).run()
            return mask.bools.contains(false) ? mask : nil
        } catch {
            throw .compute(ComputeError(error))
        }
    }
}

extension Tensor {
    /// - Parameter mask: `[samples, places]` of bool.
    /// - Returns: whether this has a row for each place, `[samples, places, ...]`.
    func hasRow(forEachPlaceOf mask: Tensor) -> Bool {
        shape.rank > 2 && shape.dimensions.prefix(2).elementsEqual(mask.shape.dimensions)
    }

    /// The elements of the rows that count, one after the other.
    func floats(countedBy mask: Tensor?) -> [Float] {
        guard let mask else { return floats }
        let (values, width) = (floats, shape.elementCount / max(1, mask.shape.elementCount))
        var counted: [Float] = []
        for (row, counts) in mask.bools.enumerated() where counts {
            counted += values[(row * width)..<((row + 1) * width)]
        }
        return counted
    }

    /// The rows that count, one after the other.
    ///
    /// - Parameter mask: of as many places as this has rows.
    /// - Returns: `[counted, features]`
    /// - Throws: ``ModelError/compute(_:)`` when there is no memory.
    func rows(countedBy mask: Tensor) throws(ModelError) -> Tensor {
        let counted = mask.bools.enumerated().filter(\.element).map(\.offset)
        do {
            let matrix = reshaped(shape.flattenedToMatrix)
            let result = try Tensor(type, zeros: Shape([counted.count, matrix.shape[1]]))
            copyRows(from: matrix, rows: counted, into: result)
            return result
        } catch {
            throw .compute(ComputeError(error))
        }
    }
}
