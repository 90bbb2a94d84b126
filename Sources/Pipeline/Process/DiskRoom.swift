import Formats
import Glibc
import JobContract
import SystemCalls

/// Retries writes on a full disk. A job has hours of work behind it when it writes its result, so it waits for room; at
/// a terminal the error is shown at once.
struct DiskRoom {
    /// True when this process waits for room.
    let waits: Bool
    let progress: CompressionProgress
    var pause = Duration.seconds(2)

    /// Runs `body`, and repeats it while the disk is full.
    func write<Value>(_ body: () throws -> Value) throws -> Value {
        var hasSaid = false
        while true {
            do {
                return try body()
            } catch  where waits && Self.isFull(error) {
                let message = "there is no room left on the disk; the job goes on when there is"
                // Logged on each try, because the supervisor takes a silent process for a hung one.
                if hasSaid { progress.log(message) } else { progress.warn(message, code: "disk_full") }
                hasSaid = true
                usleep(UInt32(pause / .microseconds(1)))
            }
        }
    }

    private static func isFull(_ error: any Error) -> Bool {
        switch error {
        case FormatError.noRoom: true
        case let error as SystemError: error.isFull
        default: false
        }
    }
}
