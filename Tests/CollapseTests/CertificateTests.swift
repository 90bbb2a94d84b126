import Testing

@testable import Collapse

@Suite struct CertificateTests {
    /// Expected: `scipy.stats.beta.ppf(.95, k + 1, n - k)`, `beta.ppf(.025, k, n - k + 1)` and
    /// `beta.ppf(.975, k + 1, n - k)`.
    @Test(arguments: [
        (0, 2000, 0.0014967448951882837, 0.0, 0.0018427397934059364),
        (10, 2000, 0.00846634820551852, 0.0024002197556657725, 0.009175895070019778),
        (20, 2000, 0.014498062606976633, 0.006118657542743463, 0.015402125783560048),
        (0, 1, 0.95, 0.0, 0.975),
        (1, 1, 1.0, 0.025, 1.0),
        (3, 7, 0.7746784159675522, 0.09898827844250786, 0.8159484323599169),
        (7, 7, 1.0, 0.5903836027749966, 1.0),
        (500, 1000, 0.5264822687643087, 0.46854917297179194, 0.531450827028208),
        (1, 100_000, 4.743775717386053e-05, 2.531780477933314e-07, 5.571516034774275e-05),
    ])
    func `bounds are the quantiles of the beta distribution`(
        events: Int, samples: Int, upper: Double, low: Double, high: Double
    ) {
        let certificate = Certificate(events: events, of: samples)
        #expect(certificate.samples == samples)
        #expect(certificate.rate == Double(events) / Double(samples))
        #expect(abs(certificate.upper95 - upper) < 1e-9)
        let interval = Certificate.interval(events: events, of: samples)
        #expect(abs(interval[0] - low) < 1e-9)
        #expect(abs(interval[1] - high) < 1e-9)
    }

    /// The 95 % bounds of Clopper and Pearson, in percent.
    @Test(arguments: [(0, 0.15), (10, 0.85), (20, 1.45)])
    func `two thousand samples prove what the method promises`(events: Int, percent: Double) {
        let found = 100 * Certificate(events: events, of: 2000).upper95
        #expect((found * 100).rounded() / 100 == percent)
    }

    @Test func `no samples prove nothing`() {
        let certificate = Certificate(events: 0, of: 0)
        #expect((certificate.rate, certificate.upper95, certificate.samples) == (1, 1, 0))
        #expect(Certificate.interval(events: 0, of: 0) == [0, 1])
    }

    /// Bounds by scipy: `mean + t.ppf(0.95, n - 1) * std(ddof=1) / sqrt(n)`.
    @Test(
        arguments: [
            ([1, 2, 3, 4, 5], 4.50744), ([0.1, 0.4, 0.2], 0.49084), ((0..<100).map { Double($0 % 7) }, 3.28573),
        ] as [([Double], Double)])
    func `a mean has the bound of Student's t`(values: [Double], bound: Double) {
        #expect(abs(Certificate.upperMean(values) - bound) < 0.01 * bound)
    }

    @Test func `the mean of new samples is as uncertain again`() {
        // v.mean() + t.ppf(.975, 4) * sqrt(2 * v.var(ddof=1) / 5)
        let predicted = Certificate.upperMean([1, 2, 3, 4, 5], isPrediction: true)
        #expect(abs(predicted - 5.776445105197793) < 0.01 * predicted)
    }

    @Test func `one value proves nothing of a mean`() {
        #expect(Certificate.upperMean([3]) == .infinity)
        #expect(Certificate.upperMean([]) == .infinity)
    }
}
