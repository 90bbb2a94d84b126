import ByteText
package import JobContract

/// An upload: one file, or an ONNX model with the files of its external data.
package struct StoredFile: Hashable, Sendable {
    package enum Purpose: String, CaseIterable, Sendable {
        case model, dataset
    }

    package struct Part: Hashable, Sendable {
        package let name: String
        package let bytes: Int
        /// SHA-256 in lower-case hexadecimal digits.
        package let digest: String
    }

    package let id: String
    package let purpose: Purpose
    /// Seconds since 1970.
    package let createdAt: Int
    /// The parts, starting with the file itself; external data follow.
    package let parts: [Part]

    package var name: String { parts.first?.name ?? "" }
    package var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }

    /// The file object of the API, also stored beside the bytes.
    package var document: JSONValue {
        [
            "id": .string(id),
            "object": "file",
            "bytes": .int(bytes),
            "created_at": .int(createdAt),
            "filename": .string(name),
            "purpose": .string(purpose.rawValue),
            "status": "processed",
            "digest": .string("sha256:\(parts.first?.digest ?? "")"),
            "parts": .array(
                parts.map {
                    ["filename": .string($0.name), "bytes": .int($0.bytes), "digest": .string("sha256:\($0.digest)")]
                }),
        ]
    }
}

extension StoredFile {
    /// Reads a ``document``; nil for anything else.
    init?(document: JSONValue) {
        guard let id = document["id"]?.string, let createdAt = document["created_at"]?.int,
            let purpose = document["purpose"]?.string.flatMap(Purpose.init(rawValue:)),
            let parts = document["parts"]?.array?.map(Part.init(document:)), !parts.isEmpty
        else { return nil }
        let known = parts.compactMap(\.self)
        guard known.count == parts.count else { return nil }
        self.init(id: id, purpose: purpose, createdAt: createdAt, parts: known)
    }
}

extension StoredFile.Part {
    fileprivate init?(document: JSONValue) {
        guard let name = document["filename"]?.string, let bytes = document["bytes"]?.int,
            let digest = document["digest"]?.string, digest.startsWithBytes(of: "sha256:")
        else { return nil }
        self.init(name: name, bytes: bytes, digest: digest.dropBytes(7))
    }
}
