import Glibc

/// Owns an open file or socket, and closes it.
struct FileDescriptor: ~Copyable, Sendable {
    let raw: CInt

    init(_ raw: CInt) { self.raw = raw }

    // After EINTR the descriptor is closed all the same on Linux; a second try could hit somebody else's.
    deinit { _ = Glibc.close(raw) }
}
