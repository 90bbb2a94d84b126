import JobContract

/// Paths of this machine, taken out of what is shown to clients.
struct MachinePaths: Sendable {
    private let dataDirectory: [UInt8]

    init(dataDirectory: String) { self.dataDirectory = Array(dataDirectory.utf8) }

    /// The line of a job's process without the folders of the job and of the service.
    ///
    /// - Parameters:
    ///   - line: what the process said, JSON or not
    ///   - job: whose process it is; nil for one that answers a question
    /// - Returns: the line as clients may see it
    func removed(from line: [UInt8], of job: String? = nil) -> [UInt8] {
        // JSON may write a slash with a backslash before it; ours does not.
        guard let first = dataDirectory.first, line.count >= dataDirectory.count else { return line }
        var result: [UInt8] = []
        var rest = line[...]
        while let start = rest.firstIndex(of: first) {
            result += rest[..<start]
            rest = rest[start...]
            if rest.starts(with: dataDirectory) {
                rest = rest.dropFirst(dataDirectory.count)
                rest = rest.drop { $0 == UInt8(ascii: "/") }
                if let job, rest.starts(with: Array("jobs/\(job)/".utf8)) {
                    rest = rest.dropFirst(job.utf8.count + 6)
                }
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result + rest
    }
}
