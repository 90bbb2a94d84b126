import Glibc

/// The reason why something could not be stored.
package enum StorageError: Error, Equatable, CustomStringConvertible {
    /// The disk or the quota is full; existing files are unchanged.
    case full
    /// Descriptors or memory are used up; a later attempt may succeed.
    case noResources(call: String, code: CInt)
    /// A system call failed.
    case failed(call: String, code: CInt)

    package init(_ call: String, code: CInt = errno) {
        self =
            switch code {
            case ENOSPC, EDQUOT: .full
            case EMFILE, ENFILE, ENOMEM: .noResources(call: call, code: code)
            default: .failed(call: call, code: code)
            }
    }

    package var description: String {
        switch self {
        case .full: "there is no room left on the disk"
        case .failed(let call, let code), .noResources(let call, let code):
            "\(call) failed: \(unsafe String(cString: strerror(code)))"
        }
    }
}
