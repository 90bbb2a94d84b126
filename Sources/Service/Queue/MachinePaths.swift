import JobContract

/// Removes paths of this machine from what clients see.
struct MachinePaths: Sendable {
    private let dataDirectory: [UInt8]

    init(dataDirectory: String) { self.dataDirectory = Array(dataDirectory.utf8) }

    /// The output line of a process without the folders of the job and of the server.
    ///
    /// - Parameters:
    ///   - line: the output of the process, JSON or not
    ///   - job: the id of the job; nil for a plan process
    /// - Returns: the line as clients see it
    func removed(from line: [UInt8], of job: String? = nil) -> [UInt8] {
        // JSON may escape a slash with a backslash; ours does not.
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
