package import JobContract
package import Options

extension JobOptions {
    /// The options with their method, checked against each other and the data.
    ///
    /// - Throws: ``Problem`` for options that exclude each other.
    package func checked(hasData: Bool) throws(Problem) -> JobOptions {
        let options = resolved(hasData: hasData)
        if !hasData, options.method != .merge {
            throw Problem(
                .missingField, "method=\(options.method?.rawValue ?? "") needs data",
                hint: "add data, or use method=merge", pointer: "/data")
        }
        if options.method == .layercollapse, finetune == .none {
            throw Problem(
                .invalidOption, "method=layercollapse trains, and finetune=none leaves it nothing to learn from",
                hint: "use finetune=labels or self_distill", pointer: "/finetune")
        }
        return options
    }
}
