import Glibc

extension Span<UInt8> {
    /// The index of the first occurrence of a byte at or after `start`.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start < count else { return nil }
        let rest = extracting(start..<count)
        // SAFETY: memchr reads `count` bytes, the length of the buffer, and does not keep the buffer.
        let offset: Int? = unsafe rest.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress, let found = unsafe memchr(base, CInt(byte), buffer.count) else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
        return offset.map { start + $0 }
    }

    /// Returns whether the bytes equal those of the text.
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        // SAFETY: the bytes of a static ASCII string live as long as the program, and their number is checked above.
        return text.withUTF8Buffer { expected in
            for index in 0..<count where self[index] != (unsafe expected[index]) { return false }
            return true
        }
    }

    /// The bytes as text; nil unless they are UTF-8.
    var text: String? {
        guard let valid = try? UTF8Span(validating: self) else { return nil }
        return String(copying: valid)
    }
}

extension [UInt8] {
    /// Adds the bytes of a span.
    mutating func append(contentsOf bytes: Span<UInt8>) {
        // SAFETY: the buffer is the span's own memory, and the array copies it.
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
