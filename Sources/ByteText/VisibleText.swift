extension StringProtocol {
    /// The text made safe to display: scalars that control a terminal, end a line or change the reading direction are
    /// written as codes, such as `\u{202E}`.
    ///
    /// - SeeAlso: Unicode 15.1 §23 (controls and format characters); CVE-2021-42574
    package var visible: String {
        guard unicodeScalars.contains(where: \.isInvisibleControl) else { return String(self) }
        var text = ""
        for scalar in unicodeScalars {
            if scalar.isInvisibleControl {
                text += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    /// True for C0 and C1 controls, line and paragraph separators, and marks that change the reading direction.
    package var isInvisibleControl: Bool {
        switch value {
        case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
