/// How many columns of a terminal a text takes, and how to cut it to some.
enum TextWidth {
    /// 0 for marks that combine and for what is not shown, 2 for the wide letters of East Asia and for pictures, else 1.
    static func columns(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
            0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    static func columns(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + columns($1) } }

    /// Exactly `width` columns: cut with `…` at the end, or padded with spaces.
    static func fitted(_ text: String, _ width: Int) -> String {
        let needed = columns(text)
        guard needed > width else { return text + String(repeating: " ", count: width - needed) }
        var kept = String.UnicodeScalarView()
        var used = 0
        for scalar in text.unicodeScalars {
            guard used + columns(scalar) <= width - 1 else { break }
            used += columns(scalar)
            kept.append(scalar)
        }
        return String(kept) + "…" + String(repeating: " ", count: max(0, width - 1 - used))
    }

    /// At most `width` columns: cut with `…` at the end, if it is longer.
    static func cut(_ text: String, _ width: Int) -> String { columns(text) > width ? fitted(text, width) : text }

    /// As one line that stays where it is put: control characters by their names, and without those that turn the direction of writing,
    /// which would move the columns beside it.
    static func singleLine(_ text: String) -> String {
        let safe = Array(text.utf8).forTerminal(colours: false).replacing("\t", with: " ")
        return String(String.UnicodeScalarView(safe.unicodeScalars.map { isDirection($0) ? "\u{FFFD}" : $0 }))
    }

    private static func isDirection(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
