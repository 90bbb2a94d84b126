import Compute
import Model

/// The best affine map in place of a block, fitted on what goes in and what should come out.
///
/// - SeeAlso: arXiv:2505.02819, arXiv:2603.03459
struct BlockFit {
    /// `[out, in]`
    let weight: Tensor
    /// `[out]`
    let bias: Tensor
    /// On held-out samples: the share of the output's variance that the map explains, and its mean square error.
    let r2: Double
    let meanSquareError: Double

    /// - Parameters:
    ///   - candidate: of `graph`.
    ///   - graph: the network as it is now, earlier blocks replaced.
    ///   - fit: moments of the block's regressors and targets on the calibration samples.
    ///   - heldOut: on other samples.
    /// - Throws: ``ModelError/compute(_:)`` when the sums have no solution or there is no memory.
    init(_ candidate: Candidate, in graph: Graph, fit: Moments, heldOut: Moments) throws(ModelError) {
        let ridge: RidgeFit
        do { ridge = try RidgeFit(fit, heldOut: heldOut) } catch { throw .compute(error) }
        r2 = ridge.heldOutR2
        meanSquareError = ridge.heldOutError / Double(candidate.out)
        do {
            let (map, offset) = try ridge.layer()
            guard candidate.regressesOnHidden else {
                (weight, bias) = (map, offset)
                return
            }
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
            (weight, bias) = (product, offset)
        } catch {
            throw .compute(ComputeError(error))
        }
    }

    func rewrite(_ candidate: Candidate) -> Rewrite { candidate.rewrite(weight: weight, bias: bias) }
}

extension Candidate {
    /// With fewer hidden values than inputs (a VGG head: 25,088 inputs) the sums are over the hidden values before the
    /// activation, and the first layer multiplies the map.
    var regressesOnHidden: Bool { hidden < inFeatures }

    /// What the map is a function of.
    var regressor: ValueID { regressesOnHidden ? first.output : input }
    var regressorCount: Int { regressesOnHidden ? hidden : inFeatures }
}
