/// What can be chosen about the supervisor.
package struct SupervisorSettings: Sendable {
    /// Jobs at a time. Default 1: a job uses all cores.
    package var concurrency = 1
    /// How long a worker keeps a job without a sign of progress (a line of output, or CPU time used). Default 60.
    package var leaseSeconds = 60
    /// Starts of one job that lead to no checkpoint before it fails with `worker_crashed`. Default 3.
    package var attempts = 3
    /// The wait before a job is started again after a crash. Default 1; 0 for none.
    package var retrySeconds = 1
    /// The wait before a job is started again that the machine had no room for. Default 5.
    package var resourceSeconds = 5
    /// From SIGTERM to SIGKILL when a job is cancelled or passes a limit. Default 1 s.
    package var killGrace = Duration.seconds(1)
    /// From SIGTERM to SIGKILL when the server stops: time for a checkpoint. Default 10 s.
    package var stopGrace = Duration.seconds(10)
    /// How often memory and CPU time are looked at. Default 100 ms.
    package var pollInterval = Duration.milliseconds(100)
    /// The longest line of output; a longer one is dropped with a warning. Default 4 MiB.
    package var lineBytes = 4 << 20
    /// The most events of one job; later ones are dropped with one warning. Default 100 000.
    package var events = 100_000
    /// How much of the end of the child's standard error is kept for the log. Default 16 KiB.
    package var standardErrorBytes = 16 << 10

    package init() {}
}
