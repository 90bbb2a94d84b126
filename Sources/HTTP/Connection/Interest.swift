import CEpoll

/// What a descriptor is watched for, and what it is ready for.
struct Interest: OptionSet, Sendable {
    let rawValue: UInt32

    static let read = Interest(rawValue: EPOLLIN.rawValue)
    static let write = Interest(rawValue: EPOLLOUT.rawValue)
    /// Reported without being asked for: the connection was reset, or both sides have ended it.
    static let broken = Interest(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
}
