import Glibc

/// A call of the system that failed.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: String
    package let code: CInt

    package var description: String { "\(call) failed: \(unsafe String(cString: strerror(code)))" }

    /// Whether something is used up, so that the same may succeed later.
    package var isPassing: Bool { [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(code) }

    /// Whether the descriptor just has nothing to give or no room.
    var isWouldBlock: Bool { code == EAGAIN || code == EWOULDBLOCK }
}

/// The only loop around interrupted calls.
func systemCall<Value: SignedInteger>(_ name: String, _ call: () -> Value) throws(SystemError) -> Value {
    while true {
        let value = call()
        if value >= 0 { return value }
        let code = errno
        if code != EINTR { throw SystemError(call: name, code: code) }
    }
}
