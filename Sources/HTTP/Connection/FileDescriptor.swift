import Glibc

/// The owner of an open descriptor, which closes it.
struct FileDescriptor: ~Copyable, Sendable {
    let raw: CInt

    init(_ raw: CInt) { self.raw = raw }

    // Not repeated after EINTR: Linux has closed the descriptor by then, and its number may be in use again.
    deinit { _ = Glibc.close(raw) }
}
