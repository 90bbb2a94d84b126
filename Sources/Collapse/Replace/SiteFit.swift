import Compute

/// A fit of a site's targets by the features of a linear path and by some of its channels: `y = P x + B a_K + c`.
struct SiteFit {
    /// The map of the features of the linear path.
    enum Path {
        case none
        /// `[d, outputs]`
        case full(Matrix)
        /// `[rank, d]`, then `[outputs, rank]`.
        case product(down: Matrix, up: Matrix)
    }

    let path: Path
    /// `[channels, outputs]`
    let channels: Matrix
    /// `[outputs]`
    var offset: [Double]
    /// The strength of the penalty relative to the mean variance of the features.
    let strength: Double
    /// The mean square error summed over the outputs, on the samples that judge it.
    private(set) var error = Double.infinity

    /// Completes the maps with the offset that gives the targets' means.
    ///
    /// - Parameters:
    ///   - path: the map of the features of the linear path.
    ///   - channels: that of the channels, `[channels, outputs]`.
    ///   - strength: the strength of the penalty.
    ///   - covariances: those of the fit.
    ///   - features: the places of the features that the maps read.
    init(
        _ path: Path, _ channels: Matrix, strength: Double, _ covariances: Covariances, reading features: [Int]
    ) {
        (self.path, self.channels, self.strength) = (path, channels, strength)
        offset = covariances.targetMeans
        let map = map
        for (row, feature) in features.enumerated() {
            for column in offset.indices { offset[column] -= map[row, column] * covariances.featureMeans[feature] }
        }
    }

    mutating func judge(on covariances: Covariances, reading features: [Int]) {
        error = covariances.error(of: map, offset, reading: features)
    }

    /// The maps of all features, one above the other.
    private var map: Matrix {
        let above: Matrix? =
            switch path {
            case .none: nil
            case .full(let linear): linear
            case .product(let down, let up): up.multiplied(by: down).transposed()
            }
        return Matrix(
            rows: (above?.rows ?? 0) + channels.rows, columns: channels.columns,
            values: (above?.values ?? []) + channels.values)
    }
}
