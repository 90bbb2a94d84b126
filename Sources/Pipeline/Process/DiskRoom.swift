import Formats
import Glibc
import JobContract

/// Writing on a disk that may be full. A job has hours of work behind it when it writes its result, so it waits until there is
/// room; a person at a terminal is told at once.
struct DiskRoom {
    /// Whether somebody will make room while this process waits.
    let waits: Bool
    let progress: CompressionProgress
    var pause = Duration.seconds(2)

    /// Does what writes, again and again while only the room is missing.
    func write<Value>(_ body: () throws -> Value) throws -> Value {
        var hasSaid = false
        while true {
            do {
                return try body()
            } catch  where waits && Self.isFull(error) {
                let message = "there is no room left on the disk; the job goes on when there is"
                // Said again each time: a process that says nothing is taken for one that hangs.
                if hasSaid { progress.log(message) } else { progress.warn(message, code: "disk_full") }
                hasSaid = true
                usleep(UInt32(pause / .microseconds(1)))
            }
        }
    }

    private static func isFull(_ error: any Error) -> Bool {
        switch error {
        case FormatError.noRoom, StorageError.full: true
        default: false
        }
    }
}
