import Compute
import Model

/// The best affine map for a block, fitted on its inputs and its target outputs.
///
/// - SeeAlso: arXiv:2505.02819, arXiv:2603.03459
struct BlockFit {
    /// The weight, `[out, in]`.
    let weight: Tensor
    /// The bias, `[out]`.
    let bias: Tensor
    /// The explained share of the output's variance, and the mean square error, on held-out samples.
    let r2: Double
    let meanSquareError: Double

    /// Fits the map.
    ///
    /// - Parameters:
    ///   - candidate: a candidate of `graph`.
    ///   - graph: the current network, earlier blocks replaced.
    ///   - fit: moments of the block's regressors and targets on the calibration samples.
    ///   - heldOut: the same moments on other samples.
    /// - Throws: ``ModelError/compute(_:)`` when the system is singular or there is no memory.
    init(_ candidate: Candidate, in graph: Graph, fit: Moments, heldOut: Moments) throws(ModelError) {
        let ridge = try computing { try RidgeFit(fit, heldOut: heldOut) }
        r2 = ridge.heldOutR2
        meanSquareError = ridge.heldOutError / Double(candidate.out)
        (weight, bias) = try computing {
            let (map, offset) = try ridge.layer()
            guard candidate.regressesOnHidden else { return (map, offset) }
            // y = B z + c and z = W1 x + b1, so A = B W1 and the offset is B b1 + c.
            let first = candidate.first.matrix(in: graph)
            let product = try Tensor(zeros: Shape([candidate.out, candidate.inFeatures]))
            try Step.matMul(
                map, transposed: false, first, transposed: !candidate.first.isOutByIn, bias: nil, into: product
            ).run()
            if let index = candidate.first.bias {
                let column = graph.parameters[index].tensor.reshaped(try Shape([candidate.hidden, 1]))
                let shift = try Tensor(zeros: Shape([candidate.out, 1]))
                try Step.matMul(map, transposed: false, column, transposed: false, bias: nil, into: shift).run()
                try Step.accumulate(shift.reshaped(offset.shape), into: offset).run()
            }
            return (product, offset)
        }
    }

    func rewrites(_ candidate: Candidate) -> [Rewrite] { candidate.rewrites(weight: weight, bias: bias) }
}

extension Candidate {
    /// True when the hidden values before the activation are fewer than the inputs (a VGG head: 25,088 inputs). Moments
    /// are then sums over these, and the map is multiplied by the first layer's weight.
    var regressesOnHidden: Bool { hidden < inFeatures }

    /// The value that the map is a function of.
    var regressor: ValueID { regressesOnHidden ? first.output : input }
    var regressorCount: Int { regressesOnHidden ? hidden : inFeatures }
}
