import Glibc

/// A failed system call.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: String
    package let code: CInt

    package var description: String { "\(call) failed: \(unsafe String(cString: strerror(code)))" }

    /// True when a resource is exhausted, so that the same call may succeed later.
    package var isPassing: Bool { [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(code) }

    /// True when a non-blocking descriptor has no data or no room.
    var isWouldBlock: Bool { code == EAGAIN || code == EWOULDBLOCK }
}

/// Runs a system call, repeats it after EINTR, and throws its error.
func systemCall<Value: SignedInteger>(_ name: String, _ call: () -> Value) throws(SystemError) -> Value {
    while true {
        let value = call()
        if value >= 0 { return value }
        let code = errno
        if code != EINTR { throw SystemError(call: name, code: code) }
    }
}
