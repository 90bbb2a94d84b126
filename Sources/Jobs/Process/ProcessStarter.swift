import CProcess
import Dispatch
import Glibc
import Synchronization
import SystemCalls

/// Starts processes from one thread that lives as long as this process: the kernel sends a child's parent-death signal
/// when the *thread* that started it ends. A class because it owns that thread.
///
/// - SeeAlso: PR_SET_PDEATHSIG(2const), posix_spawn(3)
final class ProcessStarter: Sendable {
    typealias Work = @Sendable () -> Void

    private let waiting = Mutex<[Work]>([])
    private let available = DispatchSemaphore(value: 0)

    private static let shared = Mutex<ProcessStarter?>(nil)

    /// The shared starter of this process; its thread starts with the first call.
    ///
    /// - Throws: ``SystemError`` when no thread can be created now
    static func get() throws(SystemError) -> ProcessStarter {
        try shared.withLock { (shared) throws(SystemError) in
            if let shared { return shared }
            let starter = ProcessStarter()
            try starter.begin()
            shared = starter
            return starter
        }
    }

    private func begin() throws(SystemError) {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self)
        // SAFETY: `thread` lives through the call, and the thread keeps the retained reference for ever.
        let code = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<ProcessStarter>.fromOpaque(context).takeUnretainedValue().work()
            }, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw SystemError(call: "pthread_create", code: code)
        }
        pthread_detach(thread)
    }

    private func work() -> Never {
        while true {
            available.wait()
            let work = waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            work?()
        }
    }

    /// Starts a program as the leader of its own process group.
    ///
    /// It inherits its three standard descriptors only: no ignored or blocked signal, no environment, and no other
    /// descriptor, however it was opened.
    ///
    /// - Parameters:
    ///   - command: the program, its arguments, environment and working directory
    ///   - descriptors: its standard input, output and error
    /// - Returns: its process id
    /// - Throws: ``SystemError``; ``SystemError/isPassing`` tells when a later start may succeed
    func start(_ command: JobCommand, descriptors: [FileDescriptor]) async throws(SystemError) -> pid_t {
        try await withCheckedContinuation { (continuation: CheckedContinuation<Result<pid_t, SystemError>, Never>) in
            waiting.withLock {
                $0.append {
                    continuation.resume(
                        returning: Result { () throws(SystemError) in try Self.spawn(command, descriptors) })
                }
            }
            available.signal()
        }.get()
    }

    private static func spawn(_ command: JobCommand, _ descriptors: [FileDescriptor]) throws(SystemError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        var (noSignals, allSignals) = (sigset_t(), sigset_t())
        let flags = CShort(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        // SAFETY: every pointer is to a variable above, which lives through the calls. Swift passes paths with their
        // terminating zeros, and the calls copy them.
        try check("posix_spawn_file_actions_init", unsafe posix_spawn_file_actions_init(&actions))
        defer { _ = unsafe posix_spawn_file_actions_destroy(&actions) }
        try check("posix_spawnattr_init", unsafe posix_spawnattr_init(&attributes))
        defer { _ = unsafe posix_spawnattr_destroy(&attributes) }
        for (number, descriptor) in descriptors.enumerated() {
            try check(
                "posix_spawn_file_actions_adddup2",
                unsafe posix_spawn_file_actions_adddup2(&actions, descriptor.raw, CInt(number)))
        }
        try check(
            "posix_spawn_file_actions_addclosefrom_np",
            unsafe posix_spawn_file_actions_addclosefrom_np(&actions, CInt(descriptors.count)))
        try check(
            "posix_spawn_file_actions_addchdir_np",
            unsafe posix_spawn_file_actions_addchdir_np(&actions, command.workingDirectory))
        _ = unsafe (sigemptyset(&noSignals), sigfillset(&allSignals))
        try check("posix_spawnattr_setflags", unsafe posix_spawnattr_setflags(&attributes, flags))
        try check("posix_spawnattr_setpgroup", unsafe posix_spawnattr_setpgroup(&attributes, 0))
        try check("posix_spawnattr_setsigmask", unsafe posix_spawnattr_setsigmask(&attributes, &noSignals))
        try check("posix_spawnattr_setsigdefault", unsafe posix_spawnattr_setsigdefault(&attributes, &allSignals))

        let environment = command.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var process: pid_t = 0
        let code = unsafe withCStrings([command.executable] + command.arguments) { arguments in
            unsafe withCStrings(environment) { environment in
                unsafe posix_spawn(&process, command.executable, &actions, &attributes, arguments, environment)
            }
        }
        try check("posix_spawn", code)
        return process
    }

    /// Throws the error of a function that returns its error code instead of setting `errno`.
    private static func check(_ call: String, _ code: CInt) throws(SystemError) {
        guard code == 0 else { throw SystemError(call: call, code: code) }
    }

    /// Passes texts as a null-terminated array of C strings.
    private static func withCStrings<Value>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        var addresses = unsafe texts.map { unsafe strdup($0) } + [nil]
        defer { unsafe addresses.forEach { unsafe free($0) } }
        return unsafe body(&addresses)
    }
}
