package import SystemCalls

extension AtomicOutput {
    /// Opens the output before the work on it, so that an unwritable path is reported at once.
    ///
    /// - Parameter path: the path of the output.
    /// - Returns: the open output.
    /// - Throws: ``Problem`` that names the path.
    package static func opening(_ path: String) throws(Problem) -> AtomicOutput {
        do { return try AtomicOutput(of: path) } catch {
            throw Problem(error.isFull ? .diskFull : .internalError, "'\(path)' cannot be written: \(error)")
        }
    }
}
