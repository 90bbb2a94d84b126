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
