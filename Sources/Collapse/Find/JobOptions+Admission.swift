package import Options

extension JobOptions {
    /// True for a candidate that `include` and `exclude` leave in.
    package func admits(_ name: String) -> Bool {
        (include.isEmpty || include.contains { Glob($0).matches(name) })
            && !exclude.contains { Glob($0).matches(name) }
    }
}
