import Foundation

/// The whole environment of a job process. The server's own variables, which may be secrets, are not passed on.
package enum ChildEnvironment {
    package static let parentName = "LAYERCOLLAPSE_PARENT"

    package static let spinName = "GOMP_SPINCOUNT"
    package static let waitName = "OMP_WAIT_POLICY"
    package static let coreName = "OPENBLAS_CORETYPE"
    /// The mark of a process that has started itself again with variables for its libraries: the core type that it
    /// chose, or nothing.
    package static let againName = "LAYERCOLLAPSE_STARTED_AGAIN"

    package static var variables: [String: String] {
        let own = ProcessInfo.processInfo.environment
        // The job process compares it with its parent, to detect a server that died before the death signal was
        // requested.
        var result = [parentName: String(ProcessInfo.processInfo.processIdentifier), "LANG": "C.UTF-8"]
        for name in [spinName, waitName, coreName, againName] { result[name] = own[name] }
        return result
    }
}
