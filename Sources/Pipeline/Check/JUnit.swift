import ByteText

/// A check as the XML that CI systems show as tests: one test for each limit.
///
/// - SeeAlso: the schema that Jenkins, GitLab and GitHub actions read, windyroad/JUnit-Schema
struct JUnit {
    let suite: String
    let limits: [CheckLimit]
    let seconds: Double

    var text: String {
        let failures = limits.count { !$0.holds }
        let time = NumberFormat.fixed(seconds, digits: 3)
        let counts = "tests=\"\(limits.count)\" failures=\"\(failures)\" errors=\"0\" skipped=\"0\" time=\"\(time)\""
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites name=\"layercollapse check\" \(counts)>",
            "  <testsuite name=\"\(Markup.page(suite))\" \(counts)>",
        ]
        for limit in limits {
            let name = Markup.page("\(limit.option): \(limit.words)")
            let test = "    <testcase classname=\"layercollapse.check\" name=\"\(name)\" time=\"0\""
            if limit.holds {
                lines.append(test + "/>")
            } else {
                let message = Markup.page(limit.message)
                lines.append(test + ">")
                lines.append("      <failure type=\"limit\" message=\"\(message)\">\(message)</failure>")
                lines.append("    </testcase>")
            }
        }
        return (lines + ["  </testsuite>", "</testsuites>", ""]).joined(separator: "\n")
    }
}
