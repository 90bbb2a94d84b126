import Foundation

/// The whole environment of a job process. The server's own variables, which may be secrets, are not passed on.
package enum ChildEnvironment {
    package static let parentName = "LAYERCOLLAPSE_PARENT"

    package static var variables: [String: String] {
        // The job process compares it with its parent, to detect a server that died before the death signal was
        // requested.
        [
            parentName: String(ProcessInfo.processInfo.processIdentifier), "LANG": "C.UTF-8",
            // The number of times a thread of OpenMP polls for work before it sleeps. The default polls for
            // milliseconds: beside other processes, the threads of a job then keep each other waiting most of the time.
            "GOMP_SPINCOUNT": "10000",
        ]
    }
}
