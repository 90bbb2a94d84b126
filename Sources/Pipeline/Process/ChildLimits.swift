import ByteText
import CProcess
import FoundationEssentials
import Glibc
package import JobContract

/// What a child does to itself before it touches the user's files. All of it is final for the process.
package enum ChildLimits {
    /// Has the kernel kill this process when the thread that started it ends, which is when the server ends.
    ///
    /// The parent may have died before the call, and nothing would ever come: so the parent is compared with the one
    /// that the server named, and the process ends when it is another.
    ///
    /// - Parameter parent: the server's process id, as the server passed it.
    /// - Throws: ``Problem`` when the system refuses.
    /// - SeeAlso: PR_SET_PDEATHSIG(2const)
    package static func dieWithParent(parent: Int32) throws(Problem) {
        try control(PR_SET_PDEATHSIG, UInt(SIGKILL), "PR_SET_PDEATHSIG")
        if getppid() != parent { _exit(1) }
    }

    /// Ends this process when its standard input ends: the server holds the other end, and the kernel closes it however
    /// the server dies.
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
        guard code == 0 else { throw Self.problem("pthread_create", code) }
        pthread_detach(thread)
    }

    /// Lets allocations fail beyond so many more bytes of heap and private writable memory (`RLIMIT_DATA`) than there are
    /// now: libraries reserve memory at their start that they never touch, and it counts as much as any other.
    package static func limitMemory(bytes: Int) throws(Problem) {
        let (limit, overflow) = dataBytes.addingReportingOverflow(bytes)
        try self.limit(RLIMIT_DATA, rlim_t(clamping: overflow ? .max : limit))
    }

    /// Has the process say a last line on standard output when it is aborted, which is how the runtimes of Swift and C++
    /// end one that gets no memory.
    package static func sayWhenAborted(_ line: String) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: line.utf8.count + 1, alignment: 1)
        unsafe bytes.copyBytes(from: Array((line + "\n").utf8))
        unsafe lastLine = bytes
        // SAFETY: the handler calls nothing that is not safe in one, and the line was there before it and stays for ever.
        _ = signal(SIGABRT) { _ in
            _ = unsafe write(STDOUT_FILENO, ChildLimits.lastLine.baseAddress, ChildLimits.lastLine.count)
            _exit(1)
        }
    }

    // Written once, before the handler that reads it is there.
    private nonisolated(unsafe) static var lastLine = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// What counts against `RLIMIT_DATA`: the sixth number of `/proc/self/statm`, in pages (proc(5)).
    private static var dataBytes: Int {
        let numbers =
            (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.splitBytes(at: UInt8(ascii: " ")) ?? []
        return numbers.count > 5 ? (Int(numbers[5]) ?? 0) * sysconf(CInt(_SC_PAGESIZE)) : 0
    }

    /// Writes no memory of the user's to disk when the process crashes.
    package static func refuseCoreDumps() throws(Problem) {
        try limit(RLIMIT_CORE, 0)
    }

    /// Keeps `execve` from ever gaining rights, by set-user-id programs for example.
    package static func refuseNewPrivileges() throws(Problem) {
        try control(PR_SET_NO_NEW_PRIVS, 1, "PR_SET_NO_NEW_PRIVS")
    }

    /// Has the kernel choose this process before the server when memory runs out.
    package static func preferAsVictim() throws(Problem) {
        // SAFETY: the path is a Swift string, which the call sees with its terminating zero.
        let descriptor = try check("open", unsafe open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC))
        defer { _ = close(descriptor) }
        let score = Array("500".utf8)
        // SAFETY: the buffer is the array's own and the count is its length.
        try check("write", CInt(truncatingIfNeeded: unsafe write(descriptor, score, score.count)))
    }

    private static func limit(_ resource: __rlimit_resource, _ value: rlim_t) throws(Problem) {
        var limits = rlimit(rlim_cur: value, rlim_max: value)
        // SAFETY: `limits` lives through the call, which only reads it.
        try check("setrlimit", unsafe setrlimit(__rlimit_resource_t(resource.rawValue), &limits))
    }

    private static func control(_ option: CInt, _ value: UInt, _ name: String) throws(Problem) {
        try check("prctl(\(name))", process_control(option, value))
    }

    @discardableResult
    private static func check(_ call: String, _ result: CInt) throws(Problem) -> CInt {
        guard result != -1 else { throw problem(call, errno) }
        return result
    }

    private static func problem(_ call: String, _ code: CInt) -> Problem {
        Problem(.internalError, "\(call) failed: \(unsafe String(cString: strerror(code)))")
    }
}
