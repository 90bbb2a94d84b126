import Compute

extension Graph {
    /// Fuses element-wise ops that follow each other into one op, where the values in between are not read elsewhere.
    ///
    /// - Parameter seen: values that are read after a run, or that update a parameter.
    /// - Throws: ``ModelError/shape(value:_:)`` never, as the op has the type of what it replaces.
    mutating func fuseChains(seen: [ValueID]) throws(ModelError) {
        let readers = UseLists(of: self, seen: seen)
        var isTaken = [Bool](repeating: false, count: nodes.count)
        for value in values.reversed() where readers.isNeeded(value) && !isTaken[value.index] && isLink(value) {
            let links = links(endingAt: value, readers)
            guard links.count > 1 else { continue }
            for link in links { isTaken[link.index] = true }
            let (chain, operands) = chain(of: links)
            try recompute(value, by: .chain(chain), operands)
        }
    }

    /// The ops of the chain that ends at `value`, in ascending order.
    private func links(endingAt value: ValueID, _ readers: UseLists) -> [ValueID] {
        var links: Set = [value]
        var operands = Set(self[value].operands)
        // The latest operand is visited first, since all consumers of a link are links.
        var open = operands
        while let next = open.max() {
            open.remove(next)
            guard links.count < ElementChain.operationLimit, isLink(next), type(next) == type(value) else { continue }
            let all = readers.all(of: next)
            guard !all.isEmpty, links.isSuperset(of: all), !prolongs(next, readers) else { continue }
            let joined = operands.subtracting([next]).union(self[next].operands)
            guard joined.count <= ElementChain.operandLimit else { continue }
            operands = joined
            links.insert(next)
            open.formUnion(self[next].operands)
        }
        return links.sorted()
    }

    /// True when computing a value only where it is read would take more memory: the value then takes none, but
    /// operands that only it reads are alive for longer.
    private func prolongs(_ value: ValueID, _ readers: UseLists) -> Bool {
        let waiting = Set(self[value].operands).filter { operand in
            !self[operand].operands.isEmpty && readers.all(of: operand).first == value
        }
        return waiting.reduce(0) { $0 + type($1).byteCount } > type(value).byteCount
    }

    private func isLink(_ value: ValueID) -> Bool {
        guard self[value].operands.allSatisfy({ type($0).element == .float32 }) else { return false }
        return switch self[value].op {
        case .unary(let kind), .unaryGradient(let kind): kind.isLink
        case .binary(let kind): kind.isLink
        default: false
        }
    }

    private func chain(of links: [ValueID]) -> (ElementChain, operands: [ValueID]) {
        var operands: [ValueID] = []
        func source(_ value: ValueID) -> ElementChain.Source {
            if let index = links.firstIndex(of: value) { return .result(index) }
            if let index = operands.firstIndex(of: value) { return .operand(index) }
            operands.append(value)
            return .operand(operands.count - 1)
        }
        let operations = links.map { link -> ElementChain.Operation in
            let sources = self[link].operands.map(source)
            return switch self[link].op {
            case .unary(let kind): .unary(kind, sources[0])
            case .unaryGradient(let kind): .unaryGradient(kind, x: sources[0], dy: sources[1])
            case .binary(let kind): .binary(kind, sources[0], sources[1])
            default: preconditionFailure("a link is one of these")
            }
        }
        return (ElementChain(operations), operands)
    }
}
