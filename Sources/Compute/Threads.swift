import COneDNN

/// How many threads the matrix products and convolutions of this process use from now on; at least one.
///
/// Results are equal to the bit only for equal counts: sums are split among threads.
package func setThreads(_ count: Int) {
    omp_set_num_threads(Int32(clamping: max(1, count)))
}

package var threadCount: Int { Int(omp_get_max_threads()) }
