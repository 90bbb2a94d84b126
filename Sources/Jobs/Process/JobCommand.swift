/// The child process that does a job.
package struct JobCommand: Sendable {
    /// Absolute.
    package var executable: String
    package var arguments: [String]
    package var workingDirectory: String
    /// The whole environment: nothing of the server's own is inherited, so no key leaks.
    package var environment: [String: String]
    /// The most anonymous memory (heap and stacks, not mapped files) that the child may hold; nil for no limit.
    package var memoryLimitBytes: Int?
    /// How long after its first start the job may still run, over all attempts; nil for no limit.
    package var deadlineSeconds: Int?

    package init(
        executable: String, arguments: [String], workingDirectory: String, environment: [String: String] = [:],
        memoryLimitBytes: Int? = nil, deadlineSeconds: Int? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.workingDirectory = workingDirectory
        self.environment = environment
        self.memoryLimitBytes = memoryLimitBytes
        self.deadlineSeconds = deadlineSeconds
    }
}
