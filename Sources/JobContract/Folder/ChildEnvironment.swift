import Foundation

/// All that a child knows of the server's environment: nothing that could be a secret.
package enum ChildEnvironment {
    package static let parentName = "LAYERCOLLAPSE_PARENT"

    package static var variables: [String: String] {
        // The child compares it with its parent: a server that died before the child could ask for its signal is noticed.
        [
            parentName: String(ProcessInfo.processInfo.processIdentifier), "LANG": "C.UTF-8",
            // How often a thread of OpenMP looks for work before it sleeps. The standard is to look for milliseconds: beside
            // other processes, the threads of a job then keep each other waiting most of the time.
            "GOMP_SPINCOUNT": "10000",
        ]
    }
}
