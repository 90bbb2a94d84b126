import ByteText
import Compute
import Foundation
import Glibc
package import JobContract

/// The confinement of a process that the server started, before it opens the user's files.
package enum ChildGuard {
    /// Confines a process that the server started; does nothing in others.
    ///
    /// - Throws: ``Problem`` when the system refuses: a process that could outlive its server must not start.
    package static func confine() throws(Problem) {
        let variables = ProcessInfo.processInfo.environment
        guard let parent = variables[ChildEnvironment.parentName].flatMap(pid_t.init) else { return }
        try ChildLimits.dieWithParent(parent: parent)
        try ChildLimits.exitWhenStandardInputCloses()
        try ChildLimits.forbidNewPrivileges()
        try ChildLimits.forbidCoreDumps()
        // A container may forbid it; only the order of the OOM killer is lost.
        try? ChildLimits.preferAsVictim()
    }

    /// Makes allocations beyond `bytes` fail. The number of threads must be set before.
    package static func limitMemory(bytes: Int) throws(Problem) {
        do { try reserveSolverMemory() } catch { throw Problem(any: error) }
        let failure = Problem(
            .memoryLimit, "the job needed more memory than the \(NumberFormat.megabytes(bytes)) that it may have",
            hint: "allow the job more memory, or use fewer samples")
        ChildLimits.sayWhenAborted(
            WorkEvent(.error, failure.description, data: failure.failureDocument, level: "error").line)
        try ChildLimits.limitMemory(bytes: bytes)
    }
}
