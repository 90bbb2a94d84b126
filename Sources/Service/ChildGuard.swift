import Compute
import Foundation
import Glibc
import Jobs

/// What this program does to itself when a server started it, before it touches the user's files.
package enum ChildGuard {
    /// Does nothing in a process that nobody supervises.
    ///
    /// - Throws: ``Failure`` when the system refuses: a child that could outlive its server must not start.
    package static func confine() throws(Failure) {
        let variables = ProcessInfo.processInfo.environment
        guard let parent = variables[ChildEnvironment.parentName].flatMap(pid_t.init) else { return }
        do {
            try ChildLimits.dieWithParent(parent: parent)
            try ChildLimits.exitWhenStandardInputCloses()
            try ChildLimits.refuseNewPrivileges()
            try ChildLimits.refuseCoreDumps()
        } catch {
            throw Failure(.internalError, "\(error)")
        }
        // A container may forbid it, and all that is lost is the order of victims.
        try? ChildLimits.preferAsVictim()
    }

    /// Lets allocations fail beyond so many bytes. The number of threads has to be settled before.
    package static func limitMemory(bytes: Int) throws(Failure) {
        do { try reserveSolverMemory() } catch { throw Failure(any: error) }
        let failure = Failure(
            .memoryLimit, "the job needed more memory than the \(Figures.megabytes(bytes)) that it may have",
            hint: "allow the job more memory, or use fewer samples")
        ChildLimits.sayWhenAborted(
            WorkEvent(.error, failure.description, data: failure.document, level: "error").line)
        do { try ChildLimits.limitMemory(bytes: bytes) } catch { throw Failure(.internalError, "\(error)") }
    }
}
