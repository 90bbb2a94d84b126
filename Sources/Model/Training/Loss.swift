import Compute

/// A loss function: the distance of an output from its target.
package enum Loss: String, Sendable {
    /// Cross-entropy with int64 classes; -100 is ignored, as in PyTorch.
    case crossEntropy = "cross_entropy"
    case meanSquare = "mse"
    /// Binary cross-entropy of logits with float targets between 0 and 1.
    case binaryCrossEntropy = "bce_with_logits"
    /// The KL divergence from a teacher's logits.
    case distillation

    package static let ignoredLabel: Int64 = -100
}

/// The function that training minimises: a weighted sum of losses, and penalties that pull slopes towards 1.
package struct Objective: Sendable {
    package struct Term: Sendable {
        package let loss: Loss
        /// The value of the graph that is compared.
        package internal(set) var value: ValueID
        /// The key of the target in ``Dataset/inputs``, `[samples, ...]`.
        package let target: String
        package var weight: Float
        /// The key of the mask of rows that count, bool `[samples, positions]` for a value `[samples, positions, ...]`;
        /// nil if all count. Classes have a label for that.
        package let mask: String?

        package init(_ loss: Loss, of value: ValueID, target: String, weight: Float = 1, mask: String? = nil) {
            precondition(mask == nil || loss != .crossEntropy)
            (self.mask, self.loss, self.value, self.target, self.weight) = (mask, loss, value, target, weight)
        }
    }

    /// The penalty `strength * (1 - slope)^2` on the slope of one collapsing block.
    ///
    /// - SeeAlso: arXiv:2311.17943
    package struct SlopePenalty: Sendable {
        /// The index of the slope in ``Graph/parameters``.
        package let parameter: Int
        package let strength: Float

        package init(parameter: Int, strength: Float) { (self.parameter, self.strength) = (parameter, strength) }
    }

    package var terms: [Term]
    package var slopePenalties: [SlopePenalty]

    package init(terms: [Term], slopePenalties: [SlopePenalty] = []) {
        precondition(!terms.isEmpty)
        (self.terms, self.slopePenalties) = (terms, slopePenalties)
    }
}

extension Graph {
    /// Appends the weighted sum of the terms, each with an input of its target's name.
    ///
    /// - Parameters:
    ///   - terms: at least one.
    ///   - isShared: whether each is multiplied by its own scalar input.
    /// - Returns: a scalar, and those inputs.
    /// - Throws: ``ModelError`` for a term that does not fit its value.
    mutating func append(
        _ terms: [Objective.Term], isShared: Bool
    ) throws(ModelError) -> (total: ValueID, shares: [ValueID]) {
        var total: ValueID?
        var shares: [ValueID] = []
        for term in terms {
            // The rows of one sample stand together in its target.
            let type = targetType(of: term)
            let sample = ValueType(type.element, type.shape.divided(into: batchSize))
            var target = addInput(term.target, sample)
            if sample != type { target = try append(.reshape(type.shape), [target]) }
            var value = term.value
            // A row that does not count compares the target with itself: no loss, and no gradient.
            if let mask = term.mask { value = try append(.select, [try append(mask, for: value), value, target]) }
            var loss: ValueID
            switch term.loss {
            case .crossEntropy:
                loss = try append(.crossEntropy(ignoring: Loss.ignoredLabel), [value, target])
            case .meanSquare: loss = try append(.meanSquare, [value, target])
            case .binaryCrossEntropy: loss = try append(.binaryCrossEntropy, [value, target])
            case .distillation: loss = try append(.distillation, [target, value])
            }
            if term.weight != 1 { loss = try append(.binary(.multiply), [loss, try appendConstant(term.weight)]) }
            if isShared {
                let share = addInput(term.target + "/share", .float(.scalar))
                loss = try append(.binary(.multiply), [loss, share])
                shares.append(share)
            }
            total = if let total { try append(.binary(.add), [total, loss]) } else { loss }
        }
        guard let total else { preconditionFailure("an objective has a term") }
        return (total, shares)
    }

    /// Appends a mask, `[samples, positions]`, reshaped to broadcast over the rows of a value.
    private mutating func append(_ mask: String, for value: ValueID) throws(ModelError) -> ValueID {
        let sizes = Array(shape(value).dimensions.prefix(2))
        let rows = sizes + [Int](repeating: 1, count: max(0, shape(value).rank - sizes.count))
        do {
            let input = addInput(mask, ValueType(.bool, try Shape(sizes)))
            return try append(.reshape(try Shape(rows)), [input])
        } catch let error as ModelError {
            throw error
        } catch {
            preconditionFailure("a value's own sizes are a shape")
        }
    }

    /// Appends `strength * (1 - slope)^2`.
    mutating func append(_ penalty: Objective.SlopePenalty) throws(ModelError) -> ValueID {
        guard let slope = parameterValue(penalty.parameter) else { preconditionFailure("the slope is in the graph") }
        let gap = try append(.binary(.subtract), [try appendConstant(1), slope])
        let square = try append(.binary(.multiply), [gap, gap])
        let axes = Array(0..<shape(square).rank)
        let sum = try append(.reduce(.sum, axes: axes, keepsAxes: false), [square])
        return try append(.binary(.multiply), [sum, try appendConstant(penalty.strength)])
    }

    private func targetType(of term: Objective.Term) -> ValueType {
        let shape = shape(term.value)
        return switch term.loss {
        case .crossEntropy: ValueType(.int64, shape.droppingLast)
        case .meanSquare, .binaryCrossEntropy, .distillation: .float(shape)
        }
    }
}
