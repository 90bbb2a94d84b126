import Compute

/// An edited document as pieces of the files that were read, with new bytes between them.
package struct ONNXDifference {
    package enum Piece: Hashable, Sendable {
        /// Bytes of the model file or of its external data, by the name and size of that file.
        case kept(Range<Int>, file: String, fileByteCount: Int)
        case new(byteCount: Int)
    }

    private let parts: [Part]

    fileprivate init(_ parts: [Part]) { self.parts = parts }

    /// The size of the whole file.
    package var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }

    /// The number of bytes that no file has.
    package var newByteCount: Int {
        pieces.reduce(0) { if case .new(let byteCount) = $1 { $0 + byteCount } else { $0 } }
    }

    /// Calls `body` with each piece and its bytes, in the order of the file.
    package func forEach<Failure: Error>(_ body: (Piece, RawSpan) throws(Failure) -> Void) throws(Failure) {
        for part in parts {
            let piece = part.piece
            try part.withBytes { bytes throws(Failure) in try body(piece, bytes) }
        }
    }

    /// The pieces in the order of the file.
    package var pieces: [Piece] { parts.map(\.piece) }
}

extension Part {
    fileprivate var piece: ONNXDifference.Piece {
        switch self {
        case .file(let bytes): .kept(bytes.range, file: bytes.file.name, fileByteCount: bytes.file.byteCount)
        case .bytes, .tensor: .new(byteCount: byteCount)
        }
    }
}

extension ONNXDocument {
    /// The edited document as one file, which holds the tensors of external data too.
    ///
    /// - Parameter edit: the changes.
    /// - Returns: the pieces of the file.
    /// - Throws: ``FormatError/tooLarge(_:)`` for more than one ONNX file can hold.
    package func difference(_ edit: ONNXEdit) throws(FormatError) -> ONNXDifference {
        let difference = ONNXDifference(parts(edit, external: nil).0)
        guard difference.byteCount <= Self.inlineByteLimit else {
            throw .tooLarge("the model has \(difference.byteCount) bytes, which one ONNX file cannot hold")
        }
        return difference
    }
}
