/// The offset of each buffer in one arena, so that buffers which are never alive together may share memory.
///
/// The largest buffers are placed first, each at the lowest offset that is free during its lifetime.
struct MemoryPlan {
    struct Buffer {
        let byteCount: Int
        /// The steps from the one that writes the buffer to the last that reads it.
        let lifetime: ClosedRange<Int>
    }

    let offsets: [Int]
    let byteCount: Int

    /// The alignment in bytes: the width of a cache line, which oneDNN prefers too.
    static let alignment = 64

    init(_ buffers: [Buffer]) {
        let order = buffers.indices.sorted {
            (buffers[$1].byteCount, $0) < (buffers[$0].byteCount, $1)
        }
        var offsets = [Int](repeating: 0, count: buffers.count)
        var placed: [(range: Range<Int>, lifetime: ClosedRange<Int>)] = []
        var total = 0
        for index in order {
            let size = (buffers[index].byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
            var offset = 0
            for other in placed where other.lifetime.overlaps(buffers[index].lifetime) {
                if offset + size <= other.range.lowerBound { break }
                offset = max(offset, other.range.upperBound)
            }
            offsets[index] = offset
            total = max(total, offset + size)
            let position = placed.firstIndex { $0.range.lowerBound > offset } ?? placed.count
            placed.insert((offset..<(offset + size), buffers[index].lifetime), at: position)
        }
        self.offsets = offsets
        byteCount = total
    }
}
