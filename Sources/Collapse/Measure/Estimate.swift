/// A mean over samples, and how large it may be on others like them.
package struct Estimate: Sendable, Equatable {
    package let value: Double
    /// The upper bound with 95 % confidence.
    package let upper95: Double

    init(_ value: Double, upper95: Double) { (self.value, self.upper95) = (value, upper95) }

    /// The mean of independent values, one for each sample.
    init(meanOf values: [Double]) {
        value = values.reduce(0, +) / Double(max(1, values.count))
        upper95 = Certificate.upperMean(values)
    }

    /// The share of `events` among independent samples.
    init(_ events: Int, of samples: Int) {
        let certificate = Certificate(events: events, of: samples)
        (value, upper95) = (certificate.rate, certificate.upper95)
    }
}
