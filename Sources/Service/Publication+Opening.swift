extension Publication {
    /// Begins a result before the work on it, so that a place that cannot be written is known at once.
    ///
    /// - Parameter path: where the result will be.
    /// - Returns: the publication of it.
    /// - Throws: ``Failure`` that names the path.
    static func opening(_ path: String) throws(Failure) -> Publication {
        do { return try Publication(of: path) } catch {
            throw Failure(error == .full ? .diskFull : .internalError, "'\(path)' cannot be written: \(error)")
        }
    }
}
