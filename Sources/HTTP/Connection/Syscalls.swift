import CEpoll
import Glibc
import SystemCalls

/// The system calls of the server.
enum Syscalls {
    /// The result of a call on a non-blocking descriptor.
    enum Transfer: Equatable {
        case moved(Int)
        case wouldBlock
    }

    // MARK: Sockets

    /// Opens a listening socket.
    static func listen(host: String, port: UInt16, backlog: CInt) throws(ServerError) -> FileDescriptor {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        // SAFETY: `hints` and `found` live through the call; the result is freed below.
        let code = unsafe getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let address = unsafe found else { throw .unknownHost(host) }
        defer { unsafe freeaddrinfo(address) }
        do throws(SystemError) {
            let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
            let socket = FileDescriptor(
                try systemCall("socket") { unsafe Glibc.socket(address.pointee.ai_family, kind, 0) })
            try set(SO_REUSEADDR, at: SOL_SOCKET, of: socket.raw)
            // Accepted connections inherit the options below from the listening socket.
            // Responses are written in one piece and must not be delayed.
            try set(TCP_NODELAY, at: tcp, of: socket.raw)
            // A client that disappeared is detected within two minutes, even when nothing is sent to it.
            try set(SO_KEEPALIVE, at: SOL_SOCKET, of: socket.raw)
            try set(TCP_KEEPIDLE, at: tcp, of: socket.raw, to: 60)
            try set(TCP_KEEPINTVL, at: tcp, of: socket.raw, to: 15)
            try set(TCP_KEEPCNT, at: tcp, of: socket.raw, to: 4)
            // Limits unsent data in the kernel, so that file data is read late. Data in flight is not limited.
            try set(TCP_NOTSENT_LOWAT, at: tcp, of: socket.raw, to: unsentBytes)
            // SAFETY: the address and its length come from getaddrinfo.
            try systemCall("bind") {
                unsafe Glibc.bind(socket.raw, address.pointee.ai_addr, address.pointee.ai_addrlen)
            }
            try systemCall("listen") { Glibc.listen(socket.raw, backlog) }
            return socket
        } catch {
            throw .cannotListen(host: host, port: port, error)
        }
    }

    /// The port to which a socket is bound.
    static func port(of socket: FileDescriptor) throws(SystemError) -> UInt16 {
        let raw = socket.raw
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: `sockaddr_storage` has room for every address, and its size is passed.
        let result: Result<CInt, SystemError> = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                do throws(SystemError) {
                    return .success(try systemCall("getsockname") { unsafe getsockname(raw, pointer, &length) })
                } catch {
                    return .failure(error)
                }
            }
        }
        _ = try result.get()
        // Both kinds of address hold the port in network order after the family.
        return unsafe withUnsafeBytes(of: address) { bytes in
            unsafe UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        }
    }

    /// Accepts a connection; nil when none is waiting.
    static func accept(_ raw: CInt, from peer: inout PeerAddress) throws(SystemError) -> FileDescriptor? {
        do throws(SystemError) {
            // The flags are set by the call itself: a job process that starts concurrently must not inherit the socket.
            let flags = CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
            var address = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            // SAFETY: `sockaddr_storage` has room for every address, and its size is passed.
            let accepted = FileDescriptor(
                try systemCall("accept4") {
                    unsafe withUnsafeMutablePointer(to: &address) { pointer in
                        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                            unsafe accept4(raw, $0, &length, flags)
                        }
                    }
                })
            let isLong = CInt(address.ss_family) == AF_INET6
            peer = unsafe withUnsafeBytes(of: address) { unsafe PeerAddress(Array($0), isLong: isLong) }
            return accepted
        } catch {
            if error.isWouldBlock { return nil }
            throw error
        }
    }

    private static let tcp = CInt(IPPROTO_TCP)
    private static let unsentBytes: CInt = 128 << 10

    private static func set(_ option: CInt, at level: CInt, of raw: CInt, to value: CInt = 1) throws(SystemError) {
        var value = value
        // SAFETY: the option's value is a `CInt`, whose size is passed.
        try systemCall("setsockopt") {
            unsafe setsockopt(raw, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
        }
    }

    /// Makes closing the connection reset it, so that no unsent data remains in the kernel.
    static func dropUnsent(_ raw: CInt) {
        var option = linger(l_onoff: 1, l_linger: 0)
        // SAFETY: the option's value is a `linger`, whose size is passed.
        _ = unsafe setsockopt(raw, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    // MARK: Descriptors

    /// An unused descriptor, kept to be closed when another one is needed.
    static func spare() -> FileDescriptor? { try? makeSignal() }

    /// Returns whether a connection ended before it was accepted (accept(2) reports pending network errors).
    static func isLostConnection(_ error: SystemError) -> Bool {
        [ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENOPROTOOPT, EOPNOTSUPP]
            .contains(error.code)
    }

    /// Ignores SIGPIPE, since sendfile(2) has no flag for that: a disconnected client is then an error of the call.
    static func ignoreBrokenPipes() { _ = Glibc.signal(SIGPIPE, SIG_IGN) }

    static func shutDownWriting(_ raw: CInt) { _ = Glibc.shutdown(raw, CInt(SHUT_WR)) }

    // MARK: Bytes

    /// Reads up to `count` bytes from a socket; empty at the end, nil when the call would block.
    static func receive(_ raw: CInt, upTo count: Int) throws(SystemError) -> [UInt8]? {
        do throws(SystemError) {
            return try unsafe FileDescriptor.bytes(upTo: count, "recv") { unsafe Glibc.recv(raw, $0, count, 0) }
        } catch {
            if error.isWouldBlock { return nil }
            throw error
        }
    }

    /// Writes as many bytes as the socket accepts.
    static func send(_ bytes: Span<UInt8>, to raw: CInt, hasMore: Bool) throws(SystemError) -> Transfer {
        let flags = CInt(MSG_NOSIGNAL) | (hasMore ? CInt(MSG_MORE) : 0)
        return try transfer { () throws(SystemError) in
            // SAFETY: the buffer is the span's own memory and count; the call does not keep it.
            try systemCall("send") {
                unsafe bytes.withUnsafeBufferPointer { unsafe Glibc.send(raw, $0.baseAddress, $0.count, flags) }
            }
        }
    }

    /// Sends a range of a file without copying it to user space.
    static func sendFile(
        _ file: CInt, from offset: Int, count: Int, to raw: CInt
    ) throws(SystemError) -> Transfer {
        var place = off_t(offset)
        return try transfer { () throws(SystemError) in
            // SAFETY: `place` lives through the call.
            try systemCall("sendfile") { unsafe Glibc.sendfile(raw, file, &place, count) }
        }
    }

    private static func transfer(_ call: () throws(SystemError) -> Int) throws(SystemError) -> Transfer {
        do throws(SystemError) {
            return .moved(try call())
        } catch {
            if error.isWouldBlock { return .wouldBlock }
            throw error
        }
    }

    // MARK: Files

    static func length(ofFile raw: CInt) throws(SystemError) -> Int {
        var status = stat()
        // SAFETY: the call fills `status`.
        try systemCall("fstat") { unsafe fstat(raw, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(call: "open", code: EISDIR) }
        return Int(status.st_size)
    }

    // MARK: Events

    static func makePoll() throws(SystemError) -> FileDescriptor {
        FileDescriptor(try systemCall("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    }

    /// Makes a descriptor that becomes readable when ``signal(_:)`` is called.
    static func makeSignal() throws(SystemError) -> FileDescriptor {
        FileDescriptor(try systemCall("eventfd") { eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK)) })
    }

    static func signal(_ raw: CInt) { _ = eventfd_write(raw, 1) }

    static func clearSignal(_ raw: CInt) {
        var count: eventfd_t = 0
        // SAFETY: the call fills `count`.
        _ = unsafe eventfd_read(raw, &count)
    }

    static func watch(_ raw: CInt, as id: UInt64, for interest: Interest, in poll: CInt) throws(SystemError) {
        try control(EPOLL_CTL_ADD, raw, id, interest, poll)
    }

    static func change(_ raw: CInt, as id: UInt64, to interest: Interest, in poll: CInt) throws(SystemError) {
        try control(EPOLL_CTL_MOD, raw, id, interest, poll)
    }

    private static func control(
        _ operation: CInt, _ raw: CInt, _ id: UInt64, _ interest: Interest, _ poll: CInt
    ) throws(SystemError) {
        var event = unsafe epoll_event(events: interest.rawValue, data: epoll_data_t(u64: id))
        // SAFETY: `event` lives through the call, which copies it.
        try systemCall("epoll_ctl") { unsafe epoll_ctl(poll, operation, raw, &event) }
    }

    /// Waits for events.
    ///
    /// - Parameters:
    ///   - poll: the epoll descriptor
    ///   - milliseconds: the longest wait; -1 for no limit
    /// - Returns: the ids of the ready descriptors, each with its events
    static func wait(_ poll: CInt, milliseconds: CInt) -> [(id: UInt64, ready: Interest)] {
        let capacity = 256
        // SAFETY: the buffer has room for `capacity` events, and the call returns how many it has written.
        let events = unsafe [epoll_event](unsafeUninitializedCapacity: capacity) { buffer, count in
            let found = unsafe epoll_wait(poll, buffer.baseAddress, CInt(capacity), milliseconds)
            count = max(Int(found), 0)
        }
        return unsafe events.map { unsafe ($0.data.u64, Interest(rawValue: $0.events)) }
    }
}

extension SystemError {
    /// True when a non-blocking descriptor has no data or no room.
    fileprivate var isWouldBlock: Bool { code == EAGAIN || code == EWOULDBLOCK }
}
