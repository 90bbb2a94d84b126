import JobContract

extension Configuration {
    /// Every setting, its value and where it came from, a line each.
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
