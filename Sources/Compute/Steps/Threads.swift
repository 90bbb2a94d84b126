import COneDNN

/// How many threads the matrix products and convolutions of this process use from now on; at least one.
///
/// Results are equal to the bit only for equal counts: sums are split among threads.
package func setThreads(_ count: Int) {
    omp_set_num_threads(Int32(clamping: max(1, count)))
}

package var threadCount: Int { Int(omp_get_max_threads()) }

/// Work of fewer operations than this is done before the threads have met.
private let smallWork = 1 << 26

/// Runs a call of the solver with all threads, or with one where so few operations are not worth it: its threads wait for
/// each other in a loop, which on a busy machine takes as long as whatever runs beside them.
func withThreads(worth operations: Int, _ body: () -> Void) {
    let count = threadCount
    guard operations < smallWork, count > 1 else { return body() }
    setThreads(1)
    body()
    setThreads(count)
}

/// Splits `0..<count` into as many parts as there are threads and runs the body on all of them at once.
///
/// The parts depend on the counts alone, so whatever each part computes is the same in every run.
///
/// - Parameters:
///   - count: how many pieces of work there are.
///   - grain: pieces that are worth a thread: with fewer than two grains the caller does all by itself.
///   - body: gets its pieces and which part they are, below ``threadCount``; it must not fail and must not start threads.
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

/// What the threads of one ``inParallel(_:grain:_:)`` share.
private struct Team {
    let count: Int
    let parts: Int
    let body: (Range<Int>, Int) -> Void

    static let run: @convention(c) (UnsafeMutableRawPointer?) -> Void = { address in
        guard let team = unsafe address?.assumingMemoryBound(to: Team.self).pointee else { return }
        // The system may give fewer threads than were asked for.
        for part in stride(from: Int(omp_get_thread_num()), to: team.parts, by: Int(omp_get_num_threads())) {
            team.body(team.count * part / team.parts..<team.count * (part + 1) / team.parts, part)
        }
    }
}
