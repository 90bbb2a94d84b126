import Compute
import Foundation
import Glibc
package import JobContract

/// What this program does to itself when a server started it, before it touches the user's files.
package enum ChildGuard {
    /// Does nothing in a process that nobody supervises.
    ///
    /// - Throws: ``Problem`` when the system refuses: a child that could outlive its server must not start.
    package static func confine() throws(Problem) {
        let variables = ProcessInfo.processInfo.environment
        guard let parent = variables[ChildEnvironment.parentName].flatMap(pid_t.init) else { return }
        try ChildLimits.dieWithParent(parent: parent)
        try ChildLimits.exitWhenStandardInputCloses()
        try ChildLimits.refuseNewPrivileges()
        try ChildLimits.refuseCoreDumps()
        // A container may forbid it, and all that is lost is the order of victims.
        try? ChildLimits.preferAsVictim()
    }

    /// Lets allocations fail beyond so many bytes. The number of threads has to be settled before.
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
