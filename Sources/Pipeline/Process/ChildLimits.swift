import ByteText
import CProcess
import FoundationEssentials
import Glibc
package import JobContract
import SystemCalls

/// Limits that a process sets on itself before it opens the user's files. None can be lifted again.
package enum ChildLimits {
    /// Makes the kernel kill this process when its starting thread ends, which is when the server ends.
    ///
    /// The server may have died before the call, and then no signal would come. So the process ends when its parent is
    /// not the server that started it.
    ///
    /// - Parameter parent: process id of the server, as passed by the server.
    /// - Throws: ``Problem`` when the system refuses.
    /// - SeeAlso: PR_SET_PDEATHSIG(2const)
    package static func dieWithParent(parent: Int32) throws(Problem) {
        try control(PR_SET_PDEATHSIG, UInt(SIGKILL), "PR_SET_PDEATHSIG")
        if getppid() != parent { _exit(1) }
    }

    /// Ends this process when its standard input closes. The server holds the other end, and the kernel closes it
    /// however the server dies.
    package static func exitWhenStandardInputCloses() throws(Problem) {
        var thread = pthread_t()
        // SAFETY: the closure uses no context, and `thread` lives through the call.
        let code = unsafe pthread_create(
            &thread, nil,
            { _ in
                var byte: UInt8 = 0
                while true {
                    // SAFETY: one byte is read into one byte.
                    let count = unsafe read(STDIN_FILENO, &byte, 1)
                    if count == 0 || (count < 0 && errno != EINTR) { _exit(1) }
                }
            }, nil)
        guard code == 0 else { throw Problem(SystemError(call: "pthread_create", code: code)) }
        pthread_detach(thread)
    }

    /// Limits heap and private writable memory (`RLIMIT_DATA`) to `bytes` more than now. The present size counts memory
    /// that libraries reserve at their start and never touch.
    package static func limitMemory(bytes: Int) throws(Problem) {
        let (limit, overflow) = dataBytes.addingReportingOverflow(bytes)
        try self.limit(RLIMIT_DATA, rlim_t(clamping: overflow ? .max : limit))
    }

    /// Writes `line` to standard output on SIGABRT, by which the Swift and C++ runtimes end a process that runs out of
    /// memory.
    package static func sayWhenAborted(_ line: String) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: line.utf8.count + 1, alignment: 1)
        unsafe bytes.copyBytes(from: Array((line + "\n").utf8))
        unsafe lastLine = bytes
        // SAFETY: the handler calls only async-signal-safe functions; the line exists before it and is never freed.
        _ = signal(SIGABRT) { _ in
            _ = unsafe write(STDOUT_FILENO, ChildLimits.lastLine.baseAddress, ChildLimits.lastLine.count)
            _exit(1)
        }
    }

    // Written once, before the handler that reads it is installed.
    private nonisolated(unsafe) static var lastLine = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// The memory counted by `RLIMIT_DATA`: the sixth number of `/proc/self/statm`, in pages (proc(5)).
    private static var dataBytes: Int {
        let numbers =
            (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.splitBytes(at: UInt8(ascii: " ")) ?? []
        return numbers.count > 5 ? (Int(numbers[5]) ?? 0) * sysconf(CInt(_SC_PAGESIZE)) : 0
    }

    /// Disables core dumps, so that a crash writes no user data to disk.
    package static func forbidCoreDumps() throws(Problem) { try limit(RLIMIT_CORE, 0) }

    /// Prevents `execve` from gaining privileges, for example by set-user-id programs.
    package static func forbidNewPrivileges() throws(Problem) {
        try control(PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS")
    }

    /// Makes the kernel choose this process before the server when memory runs out.
    package static func preferAsVictim() throws(Problem) {
        do throws(SystemError) {
            let score = Array("500".utf8)
            try FileDescriptor(opening: "/proc/self/oom_score_adj", O_WRONLY).write(score.span)
        } catch {
            throw Problem(error)
        }
    }

    private static func limit(_ resource: __rlimit_resource, _ value: rlim_t) throws(Problem) {
        var limits = rlimit(rlim_cur: value, rlim_max: value)
        // SAFETY: `limits` lives through the call, which only reads it.
        try check("setrlimit", unsafe setrlimit(__rlimit_resource_t(resource.rawValue), &limits))
    }

    private static func control(_ option: CInt, _ value: UInt, _ name: String) throws(Problem) {
        try check("prctl(\(name))", process_control(option, value))
    }

    private static func check(_ call: String, _ result: CInt) throws(Problem) {
        guard result != -1 else { throw Problem(SystemError(call: call)) }
    }
}
