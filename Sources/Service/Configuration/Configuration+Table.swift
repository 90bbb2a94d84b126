import JobContract

extension Configuration {
    /// Every setting with its value and source, one per line.
    package var table: String {
        var table = TextTable()
        table.add([.text("setting"), .text("value"), .text("from"), .text("meaning")])
        for resolved in settings {
            table.add([
                .text(resolved.setting.name), .text(resolved.value.string ?? resolved.value.text()),
                .text(resolved.source.rawValue), .text(resolved.setting.meaning),
            ])
        }
        return table.lines.joined(separator: "\n")
    }
}
