/// An incremental reader of a request's body that finds its content and its end.
package struct BodyReader: Sendable {
    private enum State {
        case length(left: Int)
        case chunked(ChunkedReader)
    }

    private var state: State

    /// - Throws: ``RequestError/bodyTooLarge(limitBytes:)`` when the declared length passes the limit
    package init(_ framing: BodyFraming, limits: Limits) throws(RequestError) {
        switch framing {
        case .none: state = .length(left: 0)
        case .length(let length):
            guard length <= limits.bodyBytes else { throw .bodyTooLarge(limitBytes: limits.bodyBytes) }
            state = .length(left: length)
        case .chunked: state = .chunked(ChunkedReader(limits: limits))
        }
    }

    package var isFinished: Bool {
        switch state {
        case .length(let left): left == 0
        case .chunked(let reader): reader.isFinished
        }
    }

    /// The number of bytes still to come; nil when unknown.
    package var left: Int? {
        switch state {
        case .length(let left): left
        case .chunked(let reader): reader.isFinished ? 0 : nil
        }
    }

    /// Reads until the bytes are used up or the body ends.
    ///
    /// - Parameters:
    ///   - bytes: the bytes that follow those of the previous call
    ///   - content: receives the content
    /// - Returns: the number of bytes that belong to the body; the rest belongs to the next request
    /// - Throws: ``RequestError`` for a malformed body or a passed limit
    package mutating func read(_ bytes: Span<UInt8>, into content: inout [UInt8]) throws(RequestError) -> Int {
        switch state {
        case .length(let left):
            let count = min(left, bytes.count)
            content.append(contentsOf: bytes.extracting(0..<count))
            state = .length(left: left - count)
            return count
        case .chunked(var reader):
            // Released here, so that the reader's buffer has one owner and is changed in place.
            state = .length(left: 0)
            let result: Result<Int, RequestError>
            do throws(RequestError) {
                result = .success(try reader.read(bytes, into: &content))
            } catch {
                result = .failure(error)
            }
            state = .chunked(reader)
            return try result.get()
        }
    }
}
