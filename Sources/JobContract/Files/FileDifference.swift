/// A file as pieces of other files. Stored, it is one line of JSON:
///
/// ```
/// {"format":"layercollapse-difference-1","bytes":70,
///  "sources":[{"folder":"model","name":"net.onnx","bytes":900},{"folder":"points","name":"new","bytes":40}],
///  "segments":[[0,100,50],[1,20,20]]}         bytes 100 to 149 of net.onnx, then bytes 20 to 39 of new
/// ```
package struct FileDifference: Hashable, Sendable {
    /// A file that pieces are taken from.
    package struct Source: Hashable, Sendable {
        package enum Folder: String, Sendable {
            /// The job's model, which never changes: the file has exactly ``Source/byteCount`` bytes.
            case model
            /// The bytes that the model does not have. Later points append theirs, so that the file may be longer.
            case points
        }

        package let folder: Folder
        package let name: String
        package internal(set) var byteCount: Int

        package init(_ folder: Folder, _ name: String, byteCount: Int) {
            (self.folder, self.name, self.byteCount) = (folder, name, byteCount)
        }

        /// True when a file of this size may be the one that was meant.
        package func fits(fileByteCount: Int) -> Bool {
            switch folder {
            case .model: fileByteCount == byteCount
            case .points: fileByteCount >= byteCount
            }
        }
    }

    package struct Segment: Hashable, Sendable {
        /// The index of the source.
        package let source: Int
        package let range: Range<Int>
    }

    /// Limits on a stored difference: it is read whole for each download.
    package enum Limits {
        package static let bytes = 1 << 20
        package static let segments = 16_384
        package static let sources = 64
    }

    package internal(set) var sources: [Source] = []
    package internal(set) var segments: [Segment] = []
    /// The size of the whole file.
    package internal(set) var byteCount = 0

    package init() {}

    /// Adds bytes of a file. Neighbours become one segment.
    package mutating func append(_ range: Range<Int>, of source: Source) {
        guard !range.isEmpty else { return }
        let known = sources.firstIndex { $0.folder == source.folder && $0.name.utf8.elementsEqual(source.name.utf8) }
        let index = known ?? sources.endIndex
        if index == sources.endIndex { sources.append(source) }
        sources[index].byteCount = max(sources[index].byteCount, source.byteCount)
        byteCount += range.count
        if let last = segments.last, last.source == index, last.range.upperBound == range.lowerBound {
            segments.removeLast()
            segments.append(Segment(source: index, range: last.range.lowerBound..<range.upperBound))
        } else {
            segments.append(Segment(source: index, range: range))
        }
    }
}

/// The reason why a difference cannot be stored or used.
package enum DifferenceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The difference has more pieces than may be stored.
    case tooLarge(String)
    case damaged(String)

    package var description: String {
        switch self {
        case .tooLarge(let what): "its difference to the original has \(what)"
        case .damaged(let what): "the stored difference is damaged: \(what)"
        }
    }
}
