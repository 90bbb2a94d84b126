import JobContract
import Options
import Pipeline

extension Deadline {
    /// The deadline of a command at the terminal; nil without one.
    static func ofCommand(_ options: JobOptions) -> Deadline? {
        options.deadlineSeconds.map { seconds in
            Deadline(seconds: seconds) { Terminal.warn("error: \(Problem.timeout(seconds: seconds))") }
        }
    }
}
