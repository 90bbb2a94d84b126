import CEpoll

/// The events for which a descriptor is watched or ready.
struct Interest: OptionSet, Sendable {
    let rawValue: UInt32

    static let read = Interest(rawValue: EPOLLIN.rawValue)
    static let write = Interest(rawValue: EPOLLOUT.rawValue)
    /// The connection was reset or both sides have ended it; epoll always reports this.
    static let broken = Interest(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
}
