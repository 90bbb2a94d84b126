import Synchronization

/// What this process has spent in running networks forward, without the runs of a training. It decides nothing: it tells which
/// part of a work is the networks' own.
package enum ForwardTime {
    private static let nanoseconds = Mutex<UInt64>(0)

    package static var seconds: Double { Double(nanoseconds.withLock { $0 }) / 1e9 }

    static func measure(_ run: () -> Void) {
        let start = StepProfile.now()
        run()
        let end = StepProfile.now()
        nanoseconds.withLock { $0 &+= end - start }
    }
}
