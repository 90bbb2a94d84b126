import Synchronization

/// The time that this process has spent on running networks forward, apart from training. It is only reported: as the
/// networks' own share of the work.
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
