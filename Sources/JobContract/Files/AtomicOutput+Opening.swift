extension AtomicOutput {
    /// Begins a result before the work on it, so that a place that cannot be written is known at once.
    ///
    /// - Parameter path: where the result will be.
    /// - Returns: the publication of it.
    /// - Throws: ``Problem`` that names the path.
    package static func opening(_ path: String) throws(Problem) -> AtomicOutput {
        do { return try AtomicOutput(of: path) } catch {
            throw Problem(error == .full ? .diskFull : .internalError, "'\(path)' cannot be written: \(error)")
        }
    }
}
