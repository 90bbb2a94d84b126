import Compute

/// The values of a graph that are stored in blocks of channels, the order in which convolutions read and write images
/// fastest: those between two convolutions, if no other op reads them.
struct ChannelBlocks {
    private(set) var isBlocked: [Bool]

    /// - Parameters:
    ///   - graph: the graph to run.
    ///   - isNeeded: for each value, whether it is computed.
    ///   - seen: values that are read outside of the graph.
    init(of graph: Graph, isNeeded: [Bool], seen: [ValueID]) {
        isBlocked = graph.values.map { isNeeded[$0.index] && graph.canBeBlocked($0) }
        for value in seen { isBlocked[value.index] = false }
        for value in graph.values where isNeeded[value.index] {
            for (position, operand) in graph[value].operands.enumerated()
            where !graph.takesBlocks(value, position) { isBlocked[operand.index] = false }
        }
        // An element-wise op has all its images in one order.
        var isSettled = false
        while !isSettled {
            isSettled = true
            for value in graph.values where isNeeded[value.index] {
                let images = graph.imagesInOneOrder(value)
                guard !images.allSatisfy({ isBlocked[$0.index] }) else { continue }
                for image in graph[value].operands + [value] where isBlocked[image.index] {
                    isBlocked[image.index] = false
                    isSettled = false
                }
            }
        }
    }
}

extension Graph {
    /// True when the op of a value can write its result in blocks.
    fileprivate func canBeBlocked(_ value: ValueID) -> Bool {
        let type = type(value)
        guard type.element == .float32, type.shape.rank == 4, type.shape[1] > 0, type.shape[1] % channelBlock == 0,
            type.shape.elementCount > 0
        else { return false }
        return switch self[value].op {
        case .convolution, .fusedConvolution, .convolutionDataGradient, .maxPool, .maxPoolGradient: true
        default: isElementByElement(value)
        }
    }

    /// True when the op of a value can read the operand at a position in blocks.
    fileprivate func takesBlocks(_ value: ValueID, _ position: Int) -> Bool {
        switch self[value].op {
        case .convolution, .fusedConvolution, .convolutionDataGradient: position == 0
        case .convolutionWeightGradient, .maxPool, .maxPoolGradient: true
        case .reduce(.sum, let axes, _): axes.sorted() == [0, 2, 3]
        default: isElementByElement(value)
        }
    }

    /// The operands and the result that are either all in blocks or not at all.
    fileprivate func imagesInOneOrder(_ value: ValueID) -> [ValueID] {
        if case .maxPoolGradient = self[value].op { return [self[value].operands[0], value] }
        return isElementByElement(value) ? self[value].operands + [value] : []
    }

    private func isElementByElement(_ value: ValueID) -> Bool {
        switch self[value].op {
        case .unary, .unaryGradient, .binary, .chain: self[value].operands.allSatisfy { type($0) == type(value) }
        default: false
        }
    }
}
