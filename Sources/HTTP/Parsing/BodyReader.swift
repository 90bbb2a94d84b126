/// Finds the content of a request's body, and its end.
package struct BodyReader: Sendable {
    private enum State {
        case length(left: Int)
        case chunked(ChunkedReader)
    }

    private var state: State

    /// - Throws: ``RequestError/bodyTooLarge(limitBytes:)`` before the first byte, where the length is known by then.
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

    /// Bytes still to come, where that is known.
    package var left: Int? {
        switch state {
        case .length(let left): left
        case .chunked(let reader): reader.isFinished ? 0 : nil
        }
    }

    /// Takes bytes until they are used up or the body ends.
    ///
    /// - Parameters:
    ///   - bytes: what came, right behind what came before
    ///   - content: gets the content among them
    /// - Returns: how many bytes belong to the body; what follows is the next request.
    /// - Throws: ``RequestError``
    package mutating func read(_ bytes: Span<UInt8>, into content: inout [UInt8]) throws(RequestError) -> Int {
        switch state {
        case .length(let left):
            let count = min(left, bytes.count)
            content.append(contentsOf: bytes.extracting(0..<count))
            state = .length(left: left - count)
            return count
        case .chunked(var reader):
            // Without a second owner the reader's buffer is changed in place.
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
