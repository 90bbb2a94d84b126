import HTTP
import HTTPTypes
import JobContract

extension Call {
    /// Feeds a form to its reader as it arrives.
    ///
    /// - Parameter intake: receives the parts in order; their content is never in memory as a whole
    /// - Throws: ``Problem`` when the body is not a form, and any error of the reader.
    func readForm(into intake: FormUploadReader) async throws {
        guard mediaType == "multipart/form-data" else {
            throw Problem(
                .unsupportedMediaType, "This is posted as multipart/form-data.", hint: "curl -F file=@FILE")
        }
        do {
            var reader = try MultipartReader(contentType: headers[.contentType] ?? "", limits: Limits())
            while let bytes = try await body.next() { try Self.feed(bytes, to: &reader, into: intake) }
            try reader.finish()
        } catch let error as MultipartError {
            throw Problem(.malformedRequest, error.description)
        }
    }

    private static func feed(_ bytes: [UInt8], to reader: inout MultipartReader, into intake: FormUploadReader) throws {
        var position = 0
        while let event = try reader.next(bytes.span, at: &position) {
            switch event {
            case .begin(let part): try intake.begin(part.name, fileName: part.fileName)
            case .content(let range): try intake.append(bytes.span.extracting(range))
            case .held(let held): try intake.append(held.span)
            case .end: try intake.end()
            }
        }
    }
}
