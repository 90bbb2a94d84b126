import COpenSSL

/// An incremental SHA-256 digest. A class because it owns OpenSSL's context, which must be freed.
@safe
package final class SHA256 {
    private let context: OpaquePointer?

    package init() {
        unsafe context = EVP_MD_CTX_new()
        precondition(unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "OpenSSL has no SHA-256")
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    package func update(_ bytes: Span<UInt8>) { unsafe update(bytes.bytes) }

    package func update(_ bytes: RawSpan) {
        // SAFETY: OpenSSL reads as many bytes as the buffer has and keeps nothing of it.
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
    }

    /// The digest as 64 lower-case hexadecimal digits. No bytes may be added afterwards.
    package func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        // SAFETY: SHA-256 writes 32 bytes, which is the length of the array.
        _ = unsafe EVP_DigestFinal_ex(context, &digest, nil)
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
