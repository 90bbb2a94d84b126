import ByteText
import Compute
import Model

extension ONNXLowering {
    /// A value of `Einsum` with a label for each of its axes.
    private struct Labelled {
        var value: ValueID
        var labels: [Label]
    }

    /// A label of `Einsum`: a letter, or the distance from the last axis under an ellipsis.
    private enum Label: Hashable {
        case letter(UInt8)
        case ellipsis(Int)
    }

    /// Lowers `Einsum` to transposes, sums and matrix products, from the left to the right.
    ///
    /// - SeeAlso: onnx/Operators.md#Einsum
    mutating func einsum(_ node: NodeView) throws(FormatError) {
        let equation = (node.string("equation") ?? "").utf8.filter { $0 != UInt8(ascii: " ") }
        let sides = Self.terms(of: equation)
        guard sides.inputs.count == node.inputs.count else {
            throw unfit(node, "its equation has \(sides.inputs.count) terms for \(node.inputs.count) operands")
        }
        var operands: [Labelled] = []
        for (position, term) in sides.inputs.enumerated() {
            let value = try operand(node, position)
            operands.append(Labelled(value: value, labels: try labels(term, rank: graph.shape(value).rank, node)))
        }
        let widest = operands.flatMap(\.labels).reduce(0) {
            if case .ellipsis(let place) = $1 { max($0, place + 1) } else { $0 }
        }
        let ellipsis = (0..<widest).reversed().map(Label.ellipsis)
        let result: [Label]
        if let term = sides.output {
            let letters = term.filter { $0 != UInt8(ascii: ".") }.count
            let hasDots = letters < term.count
            result = try labels(term, rank: letters + (hasDots ? widest : 0), node)
        } else {
            let letters = sides.inputs.joined().filter { $0 != UInt8(ascii: ".") }
            let once = Set(letters).filter { letter in letters.count { $0 == letter } == 1 }.sorted()
            result = ellipsis + once.map(Label.letter)
        }
        guard Set(result).isSubset(of: operands.flatMap(\.labels)) else {
            throw unfit(node, "the result of its equation has a letter that no term has")
        }
        for index in operands.indices.dropFirst() {
            let later = Set(operands.dropFirst(index + 1).flatMap(\.labels)).union(result)
            operands[index] = try contracted(operands[index - 1], operands[index], keeping: later, node)
        }
        guard let last = operands.last else { throw unfit(node, "it has no operand") }
        let summed = try summed(last, keeping: Set(result), node)
        let permutation = result.compactMap { summed.labels.firstIndex(of: $0) }
        // A value without axes cannot be transposed.
        let isInOrder = permutation == Array(permutation.indices)
        try finish(isInOrder ? .reshape(graph.shape(summed.value)) : .transpose(permutation), [summed.value], node)
    }

    /// The terms of an equation before and after its arrow.
    private static func terms(of equation: [UInt8]) -> (inputs: [[UInt8]], output: [UInt8]?) {
        var (terms, isOutput): ([[UInt8]], Bool) = ([[]], false)
        for byte in equation {
            switch byte {
            case UInt8(ascii: ","): terms.append([])
            case UInt8(ascii: "-"): continue
            case UInt8(ascii: ">"):
                isOutput = true
                terms.append([])
            default: terms[terms.count - 1].append(byte)
            }
        }
        return isOutput ? (Array(terms.dropLast()), terms.last) : (terms, nil)
    }

    /// The labels of a term for a value of a rank.
    private func labels(_ term: [UInt8], rank: Int, _ node: NodeView) throws(FormatError) -> [Label] {
        let dots = term.firstIndex(of: UInt8(ascii: "."))
        let letters = term.filter { $0 != UInt8(ascii: ".") }
        let spread = rank - letters.count
        guard spread >= 0, dots != nil || spread == 0, Set(letters).count == letters.count else {
            // A letter twice in one term is a diagonal.
            throw node.unsupported(" with the term '\(String(decoding: term, as: UTF8.self))' for \(rank) axes")
        }
        let split = dots ?? letters.count
        return letters[..<split].map(Label.letter) + (0..<spread).reversed().map(Label.ellipsis)
            + letters[split...].map(Label.letter)
    }

    /// The value summed over the axes whose labels are not kept.
    private mutating func summed(
        _ operand: Labelled, keeping kept: Set<Label>, _ node: NodeView
    ) throws(FormatError) -> Labelled {
        let axes = operand.labels.indices.filter { !kept.contains(operand.labels[$0]) }
        guard !axes.isEmpty else { return operand }
        return Labelled(
            value: try emit(.reduce(.sum, axes: axes, keepsAxes: false), [operand.value], node),
            labels: operand.labels.filter(kept.contains))
    }

    /// The product of two values, summed over the labels of both that are not kept.
    private mutating func contracted(
        _ first: Labelled, _ second: Labelled, keeping kept: Set<Label>, _ node: NodeView
    ) throws(FormatError) -> Labelled {
        // An axis of 1 that the other value stretches is not an axis of the product.
        let (one, other) = (try narrowed(first, for: second, node), try narrowed(second, for: first, node))
        let left = try summed(one, keeping: kept.union(other.labels), node)
        let right = try summed(other, keeping: kept.union(left.labels), node)
        let shared = left.labels.filter(right.labels.contains)
        for label in shared where size(left, label) != size(right, label) {
            throw unfit(node, "one letter has the sizes \(size(left, label)) and \(size(right, label))")
        }
        let batch = shared.filter(kept.contains)
        let inner = shared.filter { !kept.contains($0) }
        let rows = left.labels.filter { !shared.contains($0) }
        let columns = right.labels.filter { !shared.contains($0) }
        let labels = batch + rows + columns
        let sizes = batch.map { size(left, $0) } + rows.map { size(left, $0) } + columns.map { size(right, $0) }
        let a = try matrices(left, batch, rows, inner, node)
        let b = try matrices(right, batch, inner, columns, node)
        let product = try emit(.matMul(transposeLeft: false, transposeRight: false), [a, b], node)
        return Labelled(value: try reshaped(product, sizes, node), labels: labels)
    }

    private func size(_ operand: Labelled, _ label: Label) -> Int {
        operand.labels.firstIndex(of: label).map { graph.shape(operand.value)[$0] } ?? 1
    }

    private mutating func narrowed(
        _ operand: Labelled, for other: Labelled, _ node: NodeView
    ) throws(FormatError) -> Labelled {
        let kept = operand.labels.filter {
            !(size(operand, $0) == 1 && other.labels.contains($0) && size(other, $0) != 1)
        }
        let sizes = kept.map { size(operand, $0) }
        return Labelled(value: try reshaped(operand.value, sizes, node), labels: kept)
    }

    /// The value as matrices `[batch, rows, columns]`.
    private mutating func matrices(
        _ operand: Labelled, _ batch: [Label], _ rows: [Label], _ columns: [Label], _ node: NodeView
    ) throws(FormatError) -> ValueID {
        let permutation = (batch + rows + columns).compactMap { operand.labels.firstIndex(of: $0) }
        let isInOrder = permutation == Array(permutation.indices)
        let turned = isInOrder ? operand.value : try emit(.transpose(permutation), [operand.value], node)
        let sizes = [batch, rows, columns].map { $0.map { size(operand, $0) }.reduce(1, *) }
        return try reshaped(turned, sizes, node)
    }
}
