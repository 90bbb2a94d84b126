import JobContract

/// The bytes that follow a request's head, as they come.
struct RequestBody: Sendable {
    /// What the client announced; nil when it does not say.
    let announcedBytes: Int?
    /// The next bytes; nil at the end.
    let next: @Sendable () async throws -> [UInt8]?

    /// The whole body, whose bytes are taken from a budget while it is collected.
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
