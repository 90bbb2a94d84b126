import Compute

/// How far an output is from what it should be.
package enum Loss: String, Sendable {
    /// int64 classes; -100 is ignored, as in PyTorch.
    case crossEntropy = "cross_entropy"
    case meanSquare = "mse"
    /// Float targets between 0 and 1 for logits.
    case binaryCrossEntropy = "bce_with_logits"
    /// KL to a teacher's logits.
    case distillation

    package static let ignoredLabel: Int64 = -100
}

/// What training makes small: a weighted sum of losses, and a pull of slopes towards one.
package struct Objective: Sendable {
    package struct Term: Sendable {
        package let loss: Loss
        /// The value of the graph that is compared.
        package let value: ValueID
        /// The key in ``Dataset/inputs`` of what it is compared with, `[samples, ...]`.
        package let target: String
        package let weight: Float

        package init(_ loss: Loss, of value: ValueID, target: String, weight: Float = 1) {
            self.loss = loss
            self.value = value
            self.target = target
            self.weight = weight
        }
    }

    /// `strength * (1 - slope)^2` for the slope of one collapsing block.
    ///
    /// - SeeAlso: arXiv:2311.17943
    package struct SlopePenalty: Sendable {
        /// Index of the slope in ``Graph/parameters``.
        package let parameter: Int
        package let strength: Float

        package init(parameter: Int, strength: Float) {
            self.parameter = parameter
            self.strength = strength
        }
    }

    package var terms: [Term]
    package var slopePenalties: [SlopePenalty]

    package init(terms: [Term], slopePenalties: [SlopePenalty] = []) {
        precondition(!terms.isEmpty)
        self.terms = terms
        self.slopePenalties = slopePenalties
    }
}

extension Graph {
    /// Appends the weighted sum of the terms, each with an input of its target's name.
    ///
    /// - Returns: a scalar.
    mutating func append(_ terms: [Objective.Term]) throws(ModelError) -> ValueID {
        var total: ValueID?
        for term in terms {
            let target = addInput(term.target, targetType(of: term))
            var loss: ValueID
            switch term.loss {
            case .crossEntropy:
                loss = try append(.crossEntropy(ignoring: Loss.ignoredLabel), [term.value, target])
            case .meanSquare: loss = try append(.meanSquare, [term.value, target])
            case .binaryCrossEntropy: loss = try append(.binaryCrossEntropy, [term.value, target])
            case .distillation: loss = try append(.distillation, [target, term.value])
            }
            if term.weight != 1 { loss = try append(.binary(.multiply), [loss, try appendConstant(term.weight)]) }
            total = if let total { try append(.binary(.add), [total, loss]) } else { loss }
        }
        guard let total else { preconditionFailure("an objective has a term") }
        return total
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
