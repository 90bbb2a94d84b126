/// A matrix of floats as signed integers of 8 bits, with a scale for each channel: an entry is its integer times the scale
/// of its channel, to within half of that scale.
struct ChannelIntegers {
    /// The axis of a matrix along which its channels lie.
    enum Axis { case rows, columns }

    /// The integers in the order of the floats.
    let integers: [Int8]
    /// One scale for each channel.
    let scales: [Float]

    /// The largest sum of two neighbours of a channel that have one sign.
    ///
    /// Kernels for processors without VNNI multiply unsigned bytes by signed ones and add two neighbouring products in 16
    /// bits, where they saturate (`vpmaddubsw`): 255 times 128 is below 2^15, and 255 times 129 is not.
    static let pairLimit = 128

    /// Quantizes a matrix; nil for one with an infinite number or one that is none.
    ///
    /// - Parameters:
    ///   - floats: `[rows, columns]`
    ///   - rows: the number of rows.
    ///   - columns: the number of columns.
    ///   - channels: the axis of the channels.
    ///   - limitsPairs: whether neighbours of a channel sum to ``pairLimit`` at most, as products need it.
    init?(_ floats: [Float], rows: Int, columns: Int, channels: Axis, limitsPairs: Bool) {
        precondition(floats.count == rows * columns, "a matrix has as many entries as its sizes say")
        let (count, length) = channels == .rows ? (rows, columns) : (columns, rows)
        let (start, step) = channels == .rows ? (columns, 1) : (1, columns)
        var integers = [Int8](repeating: 0, count: floats.count)
        var scales = [Float](repeating: 1, count: count)
        for channel in 0..<count {
            func entry(_ place: Int) -> Float { place < length ? floats[channel * start + place * step] : 0 }
            var reach: Float = 0
            for place in stride(from: 0, to: length, by: 2) {
                let (first, second) = (entry(place), entry(place + 1))
                guard first.isFinite, second.isFinite else { return nil }
                reach = max(reach, abs(first), abs(second))
                // Rounding adds a half to each of the two, and so at most one to 127.
                if limitsPairs, first.sign == second.sign { reach = max(reach, abs(first + second)) }
            }
            guard reach.isFinite else { return nil }
            guard reach > 0 else { continue }
            let scale = max(reach / 127, .leastNormalMagnitude)
            scales[channel] = scale
            for place in 0..<length {
                integers[channel * start + place * step] = Int8((entry(place) / scale).rounded(.toNearestOrEven))
            }
        }
        (self.integers, self.scales) = (integers, scales)
    }

    /// The integers of the transpose of a matrix of `columns` columns.
    func transposed(columns: Int) -> [Int8] {
        let rows = integers.count / max(1, columns)
        var result: [Int8] = []
        result.reserveCapacity(integers.count)
        for column in 0..<columns {
            for row in 0..<rows { result.append(integers[row * columns + column]) }
        }
        return result
    }
}
