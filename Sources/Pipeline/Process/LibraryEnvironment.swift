import Compute
import Foundation
import Glibc
import JobContract

/// The variables that OpenBLAS and OpenMP read while they are loaded. A process that lacks them starts itself again.
package struct LibraryEnvironment {
    /// The environment of the process.
    let variables: [String: String]
    let processor: Processor.Features
    /// The core type that OpenBLAS has chosen.
    let core: String

    /// The number of times a thread of OpenMP polls for work before it sleeps. The default polls for milliseconds:
    /// beside other processes, the threads then keep each other waiting most of the time.
    static let spinCount = "1000"

    /// Decides what the libraries should have been told.
    ///
    /// - Parameter solverIsSound: whether the chosen core type passes its test.
    /// - Returns: the variables to set, or with nil to remove, and to start again with; empty to go on.
    func changes(solverIsSound: () -> Bool) -> [String: String?] {
        if let chosen = variables[ChildEnvironment.againName] {
            let isOurs = !chosen.isEmpty && variables[ChildEnvironment.coreName] == chosen
            guard isOurs, !solverIsSound() else { return [:] }
            return [ChildEnvironment.coreName: nil, ChildEnvironment.againName: ""]
        }
        var result: [String: String?] = [:]
        if variables[ChildEnvironment.spinName] == nil, variables[ChildEnvironment.waitName] == nil {
            result[ChildEnvironment.spinName] = Self.spinCount
        }
        let better = variables[ChildEnvironment.coreName] == nil ? processor.betterCore(than: core) : nil
        if let better { result[ChildEnvironment.coreName] = better }
        if !result.isEmpty { result[ChildEnvironment.againName] = better ?? "" }
        return result
    }

    /// Starts the process again, with the same arguments, when its libraries should have been told more. Returns where
    /// nothing is to be told, or the system refuses: then the process is only slower.
    package static func complete() {
        let own = LibraryEnvironment(
            variables: ProcessInfo.processInfo.environment, processor: .ofThisMachine, core: solverCore)
        let changes = own.changes(solverIsSound: solverGivesPlainResults)
        // The program by its path: under the name of the link, tools would list it as `exe`.
        guard !changes.isEmpty, let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        else { return }
        for (name, value) in changes {
            if let value { unsafe setenv(name, value, 1) } else { unsafe unsetenv(name) }
        }
        // SAFETY: the arguments are those of the process, ended by a null pointer.
        _ = unsafe execv(path, CommandLine.unsafeArgv)
    }
}
