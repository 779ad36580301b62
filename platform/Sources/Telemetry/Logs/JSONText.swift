extension [UInt8] {
    mutating func append(ascii text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// `text` as a JSON string with its quotes. What needs no escape is copied in runs.
    mutating func append(json text: String) {
        append(UInt8(ascii: "\""))
        append(escaping: text, quotes: true)
        append(UInt8(ascii: "\""))
    }

    /// `text` with everything escaped that could end a line or command a terminal: the C0 controls, DEL, and the C1 controls
    /// (C2 80 … C2 9F); with `quotes`, also `"` and `\`.
    mutating func append(escaping text: String, quotes: Bool) {
        var text = text
        text.withUTF8 { bytes in
            var start = 0
            for (index, byte) in bytes.enumerated() {
                let control =
                    byte < 0x20 || byte == 0x7F || (byte == 0xC2 && index + 1 < bytes.count && (0x80...0x9F).contains(bytes[index + 1]))
                guard control || (quotes && (byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\"))) else { continue }
                append(contentsOf: bytes[start..<index])
                start = index + 1
                switch byte {
                case UInt8(ascii: "\n"): append(ascii: "\\n")
                case UInt8(ascii: "\r"): append(ascii: "\\r")
                case UInt8(ascii: "\t"): append(ascii: "\\t")
                case UInt8(ascii: "\""): append(ascii: "\\\"")
                case UInt8(ascii: "\\"): append(ascii: "\\\\")
                case 0xC2:
                    appendUnicodeEscape(bytes[index + 1])
                    start = index + 2
                default: appendUnicodeEscape(byte)
                }
            }
            append(contentsOf: bytes[start...])
        }
    }

    private mutating func appendUnicodeEscape(_ value: UInt8) {
        func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10 }
        append(ascii: "\\u00")
        append(digit(value >> 4))
        append(digit(value & 0xF))
    }

    mutating func append(json value: LogValue) {
        switch value {
        case .text(let text): append(json: text)
        case .literal(let text): append(contentsOf: text.utf8)
        case .list(let elements):
            append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                append(json: element)
            }
            append(UInt8(ascii: "]"))
        case .object(let members):
            append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                append(json: member.key)
                append(UInt8(ascii: ":"))
                append(json: member.value)
            }
            append(UInt8(ascii: "}"))
        }
    }
}
