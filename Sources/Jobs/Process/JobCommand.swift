/// The command line and limits of a job process or plan process.
package struct JobCommand: Sendable {
    /// The absolute path of the program.
    package var executable: String
    package var arguments: [String]
    package var workingDirectory: String
    /// The whole environment: the server's own is not inherited, so that no key leaks.
    package var environment: [String: String]
    /// The maximum anonymous memory (heap and stacks, not mapped files) of the process; nil for no limit.
    package var memoryLimitBytes: Int?
    /// The maximum running time of the job over all attempts; nil for no limit.
    package var deadlineSeconds: Int?

    package init(
        executable: String, arguments: [String], workingDirectory: String, environment: [String: String] = [:],
        memoryLimitBytes: Int? = nil, deadlineSeconds: Int? = nil
    ) {
        (self.executable, self.arguments, self.workingDirectory) = (executable, arguments, workingDirectory)
        (self.environment, self.memoryLimitBytes) = (environment, memoryLimitBytes)
        self.deadlineSeconds = deadlineSeconds
    }
}
