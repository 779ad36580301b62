/// Looks at the words that statements begin with; enough to know what kind they are of, without parsing them.
enum SQLWords {
    /// The first two words of each statement of a script, in upper case.
    ///
    /// Comments, quoted texts and names, and texts between `$tag$` are passed over.
    static func beginnings(of script: String) -> [[String]] {
        var statements: [[String]] = []
        var words: [String] = []
        var reader = Reader(Array(script.utf8))
        while let token = reader.next() {
            switch token {
            case .semicolon:
                if !words.isEmpty { statements.append(words) }
                words = []
            case .word(let word): if words.count < 2 { words.append(word) }
            // What is no word ends the beginning, such as the parenthesis of "(SELECT …)".
            case .other: if !words.isEmpty, words.count < 2 { words.append("") }
            }
        }
        if !words.isEmpty { statements.append(words) }
        return statements
    }

    /// Why statements that begin like this may not be run on a connection that others use too; nil if they may.
    static func refusal(of beginnings: [[String]]) -> DatabaseError? {
        for words in beginnings {
            let first = words[0]
            if first == "SET", let second = words.dropFirst().first, ["LOCAL", "CONSTRAINTS"].contains(second) { continue }
            if controlling.contains(first) {
                return DatabaseError(.statement, "\(first) is not for statements: it would reach beyond this transaction")
            }
        }
        return nil
    }

    /// Whether a statement only reads, as far as its first word says.
    static func isReading(_ text: String) -> Bool {
        var reader = Reader(Array(text.utf8.prefix(1024)))
        while let token = reader.next() {
            if case .word(let word) = token { return ["SELECT", "VALUES", "TABLE", "SHOW"].contains(word) }
        }
        return false
    }

    /// Whether preparing a statement saves work; the others are seldom run twice.
    static func isWorthPreparing(_ text: String) -> Bool {
        var reader = Reader(Array(text.utf8.prefix(1024)))
        while let token = reader.next() {
            if case .word(let word) = token { return ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "VALUES"].contains(word) }
        }
        return true
    }

    private static let controlling: Set<String> = [
        "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PREPARE", "EXECUTE", "DEALLOCATE", "DISCARD", "LISTEN",
        "UNLISTEN", "COPY", "SET", "RESET", "DECLARE",
    ]

    private enum Token {
        case word(String)
        case semicolon
        case other
    }

    private struct Reader {
        private let text: [UInt8]
        private var position = 0

        init(_ text: [UInt8]) { self.text = text }

        mutating func next() -> Token? {
            while position < text.count {
                let byte = text[position]
                switch byte {
                case 0x20, 0x09...0x0D: position += 1
                case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"): skip { $0 == 0x0A || $0 == 0x0D }
                case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"): skipComment()
                case UInt8(ascii: ";"):
                    position += 1
                    return .semicolon
                case UInt8(ascii: "'"):
                    // E'it\'s': only there a backslash keeps the quote from ending the text.
                    let escapes = isBehindLoneE
                    skipQuoted(by: byte, escapes: escapes)
                    return .other
                case UInt8(ascii: "\""):
                    skipQuoted(by: byte, escapes: false)
                    return .other
                case UInt8(ascii: "$"):
                    skipDollarQuoted()
                    return .other
                case _ where Self.isLetter(byte): return .word(word())
                default:
                    position += 1
                    return .other
                }
            }
            return nil
        }

        /// Whether the word before is `E`; not one that only ends with it, such as `date'2026-11-24'`.
        private var isBehindLoneE: Bool {
            guard position > 0, text[position - 1] | 0x20 == UInt8(ascii: "e") else { return false }
            return position == 1 || !Self.isPartOfWord(text[position - 2])
        }

        private func peek(_ distance: Int) -> UInt8? { position + distance < text.count ? text[position + distance] : nil }

        private mutating func skip(until isEnd: (UInt8) -> Bool) {
            while position < text.count, !isEnd(text[position]) { position += 1 }
        }

        private mutating func skipComment() {
            var depth = 0
            while position < text.count {
                if text[position] == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                    depth += 1
                    position += 2
                } else if text[position] == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                    depth -= 1
                    position += 2
                    if depth == 0 { return }
                } else {
                    position += 1
                }
            }
        }

        // A doubled quote is two texts side by side, which comes to the same here.
        private mutating func skipQuoted(by quote: UInt8, escapes: Bool) {
            position += 1
            while position < text.count, text[position] != quote {
                position += escapes && text[position] == UInt8(ascii: "\\") ? 2 : 1
            }
            position += 1
        }

        private mutating func skipDollarQuoted() {
            let start = position
            position += 1
            while let byte = peek(0), Self.isLetter(byte) || (byte >= 0x30 && byte <= 0x39 && position > start + 1) { position += 1 }
            // "$1" is a parameter.
            guard peek(0) == UInt8(ascii: "$") else { return }
            position += 1
            let tag = Array(text[start..<position])
            while position < text.count, !text[position...].starts(with: tag) { position += 1 }
            position += tag.count
        }

        private mutating func word() -> String {
            let start = position
            while let byte = peek(0), Self.isPartOfWord(byte) { position += 1 }
            return String(decoding: text[start..<position].map { (0x61...0x7A).contains($0) ? $0 & 0xDF : $0 }, as: UTF8.self)
        }

        /// A name may hold a dollar sign, which then begins no quoted text.
        private static func isPartOfWord(_ byte: UInt8) -> Bool {
            isLetter(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "$")
        }

        private static func isLetter(_ byte: UInt8) -> Bool {
            (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
        }
    }
}
