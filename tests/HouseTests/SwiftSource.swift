/// A Swift file split into what the compiler runs and what it only carries: comments and string literals.
///
/// The split is lexical. It knows nested block comments, raw and multi-line strings and interpolation; a regex literal that
/// holds a quote is read as a string to the end of its line, which costs these checks nothing.
struct SwiftSource {
    /// From the repository's root.
    let path: String
    /// The text with every comment and string content blanked out, line breaks kept. Interpolated code stays.
    let code: String
    /// Each string literal's content without its interpolations, with the line it begins on (from 1).
    let strings: [(line: Int, text: String)]
    /// Each line as it stands in the file.
    let lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        self.lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var scanner = Scanner(bytes: Array(text.utf8))
        scanner.scanCode(untilParenthesis: false)
        self.code = String(decoding: scanner.code, as: UTF8.self)
        self.strings = scanner.strings
    }

    /// The target the file belongs to: the folder below `Sources`.
    var module: String {
        let parts = path.split(separator: "/")
        guard let index = parts.firstIndex(of: "Sources"), index + 1 < parts.count else { return "" }
        return String(parts[index + 1])
    }

    /// The file's folders below its module, and its name without `.swift`: `["Routes", "Stock"]`.
    var place: [String] {
        let parts = path.dropLast(".swift".count).split(separator: "/").map(String.init)
        guard let index = parts.firstIndex(of: "Sources"), index + 2 < parts.count else { return [name] }
        return Array(parts[(index + 2)...])
    }

    /// The file's name without its folder and `.swift`.
    var name: String { String((path.split(separator: "/").last ?? "").dropLast(".swift".count)) }

    /// Every module imported, with the line (from 1), whatever stands before or after the word `import`.
    var imports: [(line: Int, module: String)] {
        let before = /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?/
        let kind = /(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?/
        return codeLines.compactMap { line, text in
            guard let start = text.prefixMatch(of: before), let word = text[start.range.upperBound...].prefixMatch(of: /import\s+/) else {
                return nil
            }
            let rest = text[word.range.upperBound...]
            return rest[(rest.prefixMatch(of: kind)?.range.upperBound ?? rest.startIndex)...].prefixMatch(of: /\w+/).map { (line, String($0.output)) }
        }
    }

    /// Every identifier in the code, keywords among them.
    var identifiers: [(line: Int, name: String)] {
        codeLines.flatMap { line, text in text.matches(of: /[A-Za-z_]\w*/).map { (line, String($0.output)) } }
    }

    var codeLines: [(line: Int, text: Substring)] {
        code.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { ($0.offset + 1, $0.element) }
    }
}

private struct Scanner {
    let bytes: [UInt8]
    var position = 0
    var line = 1
    var code: [UInt8] = []
    var strings: [(line: Int, text: String)] = []

    init(bytes: [UInt8]) { self.bytes = bytes }

    private func peek(_ offset: Int = 0) -> UInt8? { position + offset < bytes.count ? bytes[position + offset] : nil }

    private func starts(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            position + expected.count <= bytes.count && expected.elementsEqual(bytes[position..<position + expected.count])
        }
    }

    /// Moves over `count` bytes, which become code or are blanked out.
    private mutating func take(_ count: Int = 1, asCode: Bool) {
        for _ in 0..<count {
            guard let byte = peek() else { return }
            if byte == UInt8(ascii: "\n") { line += 1 }
            code.append(asCode || byte == UInt8(ascii: "\n") ? byte : UInt8(ascii: " "))
            position += 1
        }
    }

    mutating func scanCode(untilParenthesis: Bool) {
        var depth = 0
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "/") where starts("//"):
                while let next = peek(), next != UInt8(ascii: "\n") { take(asCode: false) }
            case UInt8(ascii: "/") where starts("/*"):
                scanBlockComment()
            case UInt8(ascii: "\""):
                scanString(hashes: 0)
            case UInt8(ascii: "#"):
                var hashes = 1
                while peek(hashes) == UInt8(ascii: "#") { hashes += 1 }
                if peek(hashes) == UInt8(ascii: "\"") {
                    take(hashes, asCode: false)
                    scanString(hashes: hashes)
                } else {
                    take(hashes, asCode: true)
                }
            case UInt8(ascii: "("):
                depth += 1
                take(asCode: true)
            case UInt8(ascii: ")"):
                if untilParenthesis, depth == 0 { return }
                depth -= 1
                take(asCode: true)
            default:
                take(asCode: true)
            }
        }
    }

    private mutating func scanBlockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                take(2, asCode: false)
            } else if starts("*/") {
                depth -= 1
                take(2, asCode: false)
            } else {
                take(asCode: false)
            }
        } while depth > 0 && peek() != nil
    }

    private mutating func scanString(hashes: Int) {
        let begins = line
        let isMultiline = starts("\"\"\"")
        take(isMultiline ? 3 : 1, asCode: false)
        var content: [UInt8] = []
        while let byte = peek() {
            if byte == UInt8(ascii: "\""), closes(isMultiline: isMultiline, hashes: hashes) {
                take((isMultiline ? 3 : 1) + hashes, asCode: false)
                break
            }
            if byte == UInt8(ascii: "\n"), !isMultiline { break }
            if byte == UInt8(ascii: "\\"), hasHashes(hashes, at: 1) {
                if peek(1 + hashes) == UInt8(ascii: "(") {
                    take(2 + hashes, asCode: false)
                    scanCode(untilParenthesis: true)
                    take(asCode: false)
                    content.append(UInt8(ascii: " "))
                } else {
                    content.append(UInt8(ascii: " "))
                    take(2 + hashes, asCode: false)
                }
                continue
            }
            content.append(byte)
            take(asCode: false)
        }
        strings.append((begins, String(decoding: content, as: UTF8.self)))
    }

    private func closes(isMultiline: Bool, hashes: Int) -> Bool {
        guard !isMultiline || starts("\"\"\"") else { return false }
        return hasHashes(hashes, at: isMultiline ? 3 : 1)
    }

    private func hasHashes(_ count: Int, at offset: Int) -> Bool {
        (0..<count).allSatisfy { peek(offset + $0) == UInt8(ascii: "#") }
    }
}
