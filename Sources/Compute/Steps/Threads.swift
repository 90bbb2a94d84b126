import COneDNN

/// Sets the number of threads for this process's matrix products and convolutions; at least one.
///
/// Results are bit-identical only for equal counts: sums are split among threads.
package func setThreads(_ count: Int) { omp_set_num_threads(Int32(clamping: max(1, count))) }

package var threadCount: Int { Int(omp_get_max_threads()) }

/// The number of operations below which one thread finishes before several have synchronised.
private let smallWork = 1 << 26

/// Runs a call of the solver with all threads, or with one if there are too few operations: its threads wait for each
/// other in a spin loop, which on a busy machine lasts as long as the other work on the cores.
func withThreads(worth operations: Int, _ body: () -> Void) {
    let count = threadCount
    guard operations < smallWork, count > 1 else { return body() }
    setThreads(1)
    body()
    setThreads(count)
}

/// Splits `0..<count` into one part per thread and runs the body on all parts in parallel.
///
/// The parts depend only on the counts, so the result of each part is the same in every run.
///
/// - Parameters:
///   - count: the number of pieces of work.
///   - grain: the number of pieces worth a thread: with fewer than two grains the caller does all of them.
///   - body: receives its pieces and its part number, below ``threadCount``; it must not fail and must not start
///     threads.
@inline(__always)
func inParallel(_ count: Int, grain: Int, _ body: (_ pieces: Range<Int>, _ part: Int) -> Void) {
    let parts = min(threadCount, count / max(1, grain))
    guard parts > 1 else { return body(0..<count, 0) }
    withoutActuallyEscaping(body) { body in
        var team = Team(count: count, parts: parts, body: body)
        // SAFETY: the team outlives the call, which returns when all threads are done; they only read it.
        unsafe withUnsafeMutablePointer(to: &team) { team in
            unsafe GOMP_parallel(Team.run, team, UInt32(parts), 0)
        }
    }
}

/// The state that the threads of one ``inParallel(_:grain:_:)`` share.
private struct Team {
    let count: Int
    let parts: Int
    let body: (Range<Int>, Int) -> Void

    static let run: @convention(c) (UnsafeMutableRawPointer?) -> Void = { address in
        guard let team = unsafe address?.assumingMemoryBound(to: Team.self).pointee else { return }
        // The system may start fewer threads than requested.
        for part in stride(from: Int(omp_get_thread_num()), to: team.parts, by: Int(omp_get_num_threads())) {
            team.body(team.count * part / team.parts..<team.count * (part + 1) / team.parts, part)
        }
    }
}
