import Foundation

/// All that a child knows of the server's environment: nothing that could be a secret.
enum ChildEnvironment {
    static let parentName = "LAYERCOLLAPSE_PARENT"

    static var variables: [String: String] {
        // The child compares it with its parent: a server that died before the child could ask for its signal is noticed.
        [parentName: String(ProcessInfo.processInfo.processIdentifier), "LANG": "C.UTF-8"]
    }
}
