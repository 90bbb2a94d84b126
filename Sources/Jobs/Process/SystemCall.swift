import Glibc

/// Runs a system call, repeats it after EINTR, and turns -1 into an error that names the call.
@discardableResult
func systemCall(_ name: String, _ body: () -> CInt) throws(JobsError) -> CInt {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code != EINTR { throw JobsError(call: name, code: code) }
    }
}
