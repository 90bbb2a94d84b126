import Compute

/// A weight as integers, with what an edit adds to a file for it.
struct IntegerWeight {
    let name: String
    let uses: WeightUses
    /// The integers, in the layout of products unless the weight is a table.
    let integers: ONNXEdit.NewInitializer
    /// The scales of the columns of a product, `[columns]`; nil without products.
    let columnScales: ONNXEdit.NewInitializer?
    /// The scales of the rows of a table, `[rows, 1]`; nil for no table.
    let rowScales: ONNXEdit.NewInitializer?
    /// True for a table whose products read its transpose.
    let needsTranspose: Bool

    /// - Parameters:
    ///   - name: the name of the weight.
    ///   - tensor: `[rows, columns]`
    ///   - uses: the nodes that read it.
    /// - Throws: ``WeightUses/Refusal`` for numbers that no integer stands for.
    init(_ name: String, _ tensor: Tensor, _ uses: WeightUses) throws(WeightUses.Refusal) {
        let (rows, columns) = (tensor.shape[0], tensor.shape[1])
        let quantized = ChannelIntegers(
            tensor.floats, rows: rows, columns: columns, channels: uses.channels, limitsPairs: uses.hasProducts)
        guard let quantized else { throw .init("it holds numbers that are not finite") }
        (self.name, self.uses) = (name, uses)
        needsTranspose = uses.isTable && uses.hasProducts
        let isTransposed = !uses.isTable && uses.channels == .rows
        do throws(ShapeError) {
            integers = ONNXEdit.NewInitializer(
                name: name + "_quantized",
                isTransposed ? quantized.transposed(columns: columns) : quantized.integers,
                isTransposed ? try Shape([columns, rows]) : tensor.shape)
        } catch {
            throw .init("\(error)")
        }
        func scales(_ sizes: [Int]) throws(WeightUses.Refusal) -> Tensor {
            do { return try Tensor(quantized.scales, Shape(sizes)) } catch { throw .init("\(error)") }
        }
        columnScales =
            uses.hasProducts
            ? .init(name: name + "_scale", tensor: try scales([quantized.scales.count])) : nil
        rowScales =
            uses.isTable ? .init(name: name + "_row_scale", tensor: try scales([rows, 1])) : nil
    }

    var initializers: [ONNXEdit.NewInitializer] { [integers] + [columnScales, rowScales].compactMap(\.self) }
}
