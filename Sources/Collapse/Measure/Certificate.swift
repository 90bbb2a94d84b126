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

    /// The one-sided upper bound of a mean with 95 % confidence, by Student's t.
    ///
    /// - Parameters:
    ///   - values: independent values, one for each sample.
    ///   - isPrediction: whether to bound the mean of as many new samples instead, which is as uncertain again, with
    ///     97.5 % confidence.
    /// - Returns: infinity for fewer than two values.
    package static func upperMean(_ values: [Double], isPrediction: Bool = false) -> Double {
        guard values.count > 1 else { return .infinity }
        let (n, mean) = (Double(values.count), values.reduce(0, +) / Double(values.count))
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        guard isPrediction else { return mean + quantile(freedom: n - 1) * (variance / n).squareRoot() }
        return mean + quantile(freedom: n - 1, normal: twoSided) * (2 * variance / n).squareRoot()
    }

    /// The two-sided interval of 95 % for a rate that is the mean of independent shares, one for each sample.
    package static func interval(ofMean shares: [Double]) -> [Double] {
        guard shares.count > 1 else { return [0, 1] }
        let (n, mean) = (Double(shares.count), shares.reduce(0, +) / Double(shares.count))
        let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        let reach = quantile(freedom: n - 1, normal: twoSided) * (variance / n).squareRoot()
        return [max(0, mean - reach), min(1, mean + reach)]
    }

    /// The normal quantile of 97.5 %.
    private static let twoSided = 1.959_963_985

    /// The quantile of Student's t that belongs to a normal one, of 95 % by default (Abramowitz and Stegun 26.7.5; within
    /// 2 % from two degrees of freedom on).
    private static func quantile(freedom: Double, normal z: Double = 1.644_853_627) -> Double {
        let (z3, z5, z7) = (pow(z, 3), pow(z, 5), pow(z, 7))
        return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * pow(freedom, 2))
            + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * pow(freedom, 3))
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
