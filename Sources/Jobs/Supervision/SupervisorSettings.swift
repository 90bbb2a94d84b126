/// The settings of the supervisor.
package struct SupervisorSettings: Sendable {
    /// The number of jobs that run at the same time. Default 1: a job uses all cores.
    package var concurrency = 1
    /// The duration of a lease and the maximum time without progress (a line of output or CPU time). Default 60.
    package var leaseSeconds = 60
    /// The number of attempts without a checkpoint after which a job fails with `worker_crashed`. Default 3.
    package var attempts = 3
    /// The wait before a job is started again after a crash. Default 1; 0 for none.
    package var retrySeconds = 1
    /// The wait before a job is started again after a lack of resources. Default 5.
    package var resourceSeconds = 5
    /// The time from SIGTERM to SIGKILL when a job is cancelled or passes a limit. Default 1 s.
    package var killGrace = Duration.seconds(1)
    /// The time from SIGTERM to SIGKILL when the server stops, for a checkpoint. Default 10 s.
    package var stopGrace = Duration.seconds(10)
    /// The time after the deadline for a job process that can end with a result. Default 60 s.
    package var usableGrace = Duration.seconds(60)
    /// The interval at which memory and CPU time are sampled. Default 100 ms.
    package var pollInterval = Duration.milliseconds(100)
    /// The maximum length of an output line; a longer one is dropped with a warning. Default 4 MiB.
    package var lineBytes = 4 << 20
    /// The maximum number of events of a job; later ones are dropped with one warning. Default 100 000.
    package var events = 100_000
    /// The amount of standard error, from its end, that is kept for the log. Default 16 KiB.
    package var standardErrorBytes = 16 << 10

    package init() {}
}
