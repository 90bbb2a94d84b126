import Glibc

/// The log-softmax of one row of logits.
struct LogSoftmax {
    private let row: ArraySlice<Float>
    private let shift: Double
    let largest: Int

    init(_ row: ArraySlice<Float>) {
        self.row = row
        var place = row.startIndex
        for index in row.indices where row[index] > row[place] { place = index }
        largest = place - row.startIndex
        let maximum = Double(row[place])
        var sum = 0.0
        for value in row { sum += exp(Double(value) - maximum) }
        shift = maximum + log(sum)
    }

    func logarithm(_ index: Int) -> Double { Double(row[row.startIndex + index]) - shift }
    func probability(_ index: Int) -> Double { exp(logarithm(index)) }
}
