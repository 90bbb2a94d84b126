import Glibc

/// A failed system call.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: String
    package let code: CInt

    package init(call: String, code: CInt = errno) { (self.call, self.code) = (call, code) }

    package var description: String { isFull ? "there is no room left on the disk" : "\(call) failed: \(reason)" }

    /// The system's words for the code.
    package var reason: String { unsafe String(cString: strerror(code)) }

    /// True when the disk or the quota is full.
    package var isFull: Bool { code == ENOSPC || code == EDQUOT }

    /// True when there is no such file.
    package var isAbsent: Bool { code == ENOENT }

    /// True when descriptors, processes or memory are exhausted, so that the same call may succeed later.
    package var isPassing: Bool { [EMFILE, ENFILE, EAGAIN, ENOMEM, ENOBUFS].contains(code) }
}

/// Runs a system call, repeats it after EINTR, and throws its error.
@discardableResult
package func systemCall<Value: SignedInteger>(_ name: String, _ call: () -> Value) throws(SystemError) -> Value {
    while true {
        let value = call()
        if value >= 0 { return value }
        let code = errno
        if code != EINTR { throw SystemError(call: name, code: code) }
    }
}
