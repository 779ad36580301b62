/// Cuts a stream of bytes into lines. Holds at most `limit` bytes: a longer line is given out in parts, each but the last with a mark
/// at its end, so that a service that never ends its line cannot fill the supervisor's memory.
struct LineSplitter: Sendable {
    /// Bytes of a line that are kept together. 64 KiB: what a pipe holds, and more than any log line people read.
    let limit: Int
    static let mark = Array(" [line goes on]".utf8)

    private var pending: [UInt8] = []

    init(limit: Int = 65_536) {
        precondition(limit > 0, "a line needs room")
        self.limit = limit
    }

    /// The lines that `bytes` completes, without their ends (`\n` or `\r\n`).
    mutating func append(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
                lines.append(pending)
                pending.removeAll(keepingCapacity: true)
                continue
            }
            if pending.count == limit {
                // Not in the middle of a UTF-8 sequence: what continues one goes to the next part.
                let tail = pending.suffix(3).reversed().prefix { $0 & 0xC0 == 0x80 }.count
                let start = pending.count - tail - 1
                let needed = start >= 0 ? Self.sequenceLength(pending[start]) : 1
                let cut = needed > tail + 1 && start > 0 ? start : pending.count
                lines.append(pending[..<cut] + Self.mark)
                pending.removeFirst(cut)
            }
            pending.append(byte)
        }
        return lines
    }

    /// What stands after the last line end, at the end of the stream; nil if nothing does.
    mutating func finish() -> [UInt8]? {
        defer { pending = [] }
        return pending.isEmpty ? nil : pending
    }

    private static func sequenceLength(_ lead: UInt8) -> Int {
        switch lead {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }
}

extension [UInt8] {
    /// The line as text that is safe to show on a terminal: colours stay if `colours`, every other control character is shown by its
    /// name (`^[`), so that what a client sent to a service and the service logged cannot move the cursor.
    ///
    /// - Parameter keepLines: leaves line ends, for a text of several lines.
    func forTerminal(colours: Bool, keepLines: Bool = false) -> String {
        let text = [Unicode.Scalar](String(decoding: self, as: UTF8.self).unicodeScalars)
        var out = String.UnicodeScalarView()
        var index = 0
        while index < text.count {
            let scalar = text[index]
            if scalar == "\u{1B}", let end = Self.endOfColour(text, from: index) {
                if colours { out.append(contentsOf: text[index...end]) }
                index = end + 1
                continue
            }
            switch scalar.value {
            case 9: out.append(scalar)
            case 10 where keepLines: out.append(scalar)
            case 0..<32: out.append(contentsOf: ["^", Unicode.Scalar(UInt8(scalar.value) + 64)])
            case 0x7F: out.append(contentsOf: ["^", "?"])
            case 0x80..<0xA0: out.append("\u{FFFD}")
            default: out.append(scalar)
            }
            index += 1
        }
        return String(out)
    }

    /// The index of the `m` that ends a sequence `ESC [ digits and semicolons m` at `start`; nil if it is another one.
    private static func endOfColour(_ text: [Unicode.Scalar], from start: Int) -> Int? {
        guard start + 2 < text.count, text[start + 1] == "[" else { return nil }
        for index in (start + 2)..<Swift.min(start + 20, text.count) {
            if text[index] == "m" { return index }
            guard ("0"..."9").contains(text[index]) || text[index] == ";" else { return nil }
        }
        return nil
    }
}
