import JobContract

/// The body of a request, read piece by piece.
struct RequestBody: Sendable {
    /// The announced length; nil when unknown.
    let announcedBytes: Int?
    /// The next bytes; nil at the end.
    let next: @Sendable () async throws -> [UInt8]?

    /// Collects the whole body; its bytes count against a budget meanwhile.
    func collect(limitBytes: Int, from budget: MemoryBudget) async throws -> [UInt8] {
        let share = MemoryBudget.Share(of: budget)
        let tooLarge = Problem(.fileTooLarge, "The body may have at most \(limitBytes) bytes.")
        if let announcedBytes, announcedBytes > limitBytes { throw tooLarge }
        var bytes: [UInt8] = []
        while let more = try await next() {
            guard bytes.count + more.count <= limitBytes else { throw tooLarge }
            try share.take(more.count)
            bytes += more
        }
        return bytes
    }
}
