package import Options

extension JobOptions {
    /// True for a candidate that `include` and `exclude` leave in.
    package func admits(_ name: String) -> Bool {
        includes(name) && !exclude.contains { Glob($0).matches(name) }
    }

    /// True for a candidate that `include` names, or when it names none.
    package func includes(_ name: String) -> Bool {
        include.isEmpty || include.contains { Glob($0).matches(name) }
    }
}
