import Basics

extension SQLValue {
    /// A list of values as a JSON array, for SQLite's `json_each`; times are microseconds, bools 0 and 1.
    ///
    /// Throws `statement` for what JSON cannot hold: bytes, lists in lists, and numbers that are not finite.
    static func json(_ values: [SQLValue]) throws(DatabaseError) -> String {
        var text = "["
        for value in values {
            if text.utf8.count > 1 { text += "," }
            switch value {
            case .null: text += "null"
            case .bool(let value): text += value ? "1" : "0"
            case .integer(let value): text += String(value)
            case .timestamp(let value): text += String(value.microseconds)
            case .double(let value) where value.isFinite: text += value.description
            case .text(let value):
                // json_each would end the text there.
                guard !value.utf8.contains(0) else { throw DatabaseError(.statement, "a text in a list holds a NUL, which SQLite would cut off") }
                quote(value, into: &text)
            case .identifier(let value): quote(value.description, into: &text)
            case .double, .blob, .array: throw DatabaseError(.statement, "a list may not hold \(value.kind) on SQLite")
            }
        }
        return text + "]"
    }

    private static func quote(_ value: String, into text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\u{0}"..."\u{1F}":
                let hexadecimal = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
