import Glibc

/// The upper bound of a rate that held-out samples prove.
package struct Certificate: Sendable, Codable, Equatable {
    package let rate: Double
    /// The upper bound of the rate with 95 % confidence.
    package let upper95: Double
    package let samples: Int

    /// The one-sided bound of Clopper and Pearson (Biometrika 26, 1934), exact for independent samples.
    package init(events: Int, of samples: Int) {
        precondition(events >= 0 && events <= samples)
        self.samples = samples
        rate = samples == 0 ? 1 : Double(events) / Double(samples)
        upper95 = samples == 0 ? 1 : Self.upper(events, samples, tail: 0.05)
    }

    /// The two-sided interval of 95 % for a rate.
    package static func interval(events: Int, of samples: Int) -> [Double] {
        guard samples > 0 else { return [0, 1] }
        return [1 - upper(samples - events, samples, tail: 0.025), upper(events, samples, tail: 0.025)]
    }

    /// The rate at which at most `events` events have the probability `tail`.
    private static func upper(_ events: Int, _ samples: Int, tail: Double) -> Double {
        guard events < samples else { return 1 }
        var (low, high) = (Double(events) / Double(samples), 1.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if atMost(events, of: samples, rate: middle) > tail { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The probability of at most `events` events, summed in logarithms so that no term underflows.
    private static func atMost(_ events: Int, of samples: Int, rate: Double) -> Double {
        guard rate > 0 else { return 1 }
        guard rate < 1 else { return 0 }
        let n = Double(samples)
        var total = 0.0
        for k in 0...events {
            let k = Double(k)
            total += exp(
                lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(rate) + (n - k) * log1p(-rate))
        }
        return total
    }
}
