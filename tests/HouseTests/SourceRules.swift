/// The rules of the house that a text search can keep.
enum SourceRules {
    /// Lines of one Swift file under Sources; beyond it, it no longer reads in one sitting.
    static let longestFile = 400

    /// Words of the shop. "checkout" is not among them: a connection is checked out of its pool.
    private static let shopWords: Set<String> = [
        "basket", "baskets", "cart", "catalogue", "catalog", "customer", "customers", "discount", "discounts", "inventory", "order", "orders",
        "price", "prices", "pricing", "product", "products", "reservation", "reservations", "shopper", "shoppers", "sku", "skus", "stock",
    ]

    /// Identifiers in which such a word means something else, and the role's name, which stands in every user's token.
    private static let innocent: Set<String> = ["byteOrder", "memoryOrder", "sortOrder", "inOrder", "order", "shopper"]

    /// The platform serves any service, so it knows nothing of a shop, in names or in strings.
    static func shopWordViolations(in source: SwiftSource) -> [Violation] {
        guard source.path.hasPrefix("platform/") else { return [] }
        let named = source.identifiers.filter { !innocent.contains($0.name) && !shopWords.isDisjoint(with: words(of: $0.name)) }
        // In a sentence, "in that order" and "ORDER BY" speak of no shop; "orders" does.
        let said = source.strings.filter { !innocent.contains($0.text) && !shopWords.subtracting(["order"]).isDisjoint(with: words(of: $0.text)) }
        return named.map { Violation(path: source.path, line: $0.line, message: "'\($0.name)' is a word of the shop, in platform") }
            + said.map { Violation(path: source.path, line: $0.line, message: "'\($0.text.prefix(60))' speaks of the shop, in platform") }
    }

    /// Files whose name or folder says that they hold SQL; `Idempotency` keeps one table, the same in every
    /// service, and the payment sandbox stands for somebody else's system, with records of its own.
    private static let sqlNames = ["Store", "Database", "SQLite", "Postgres", "Migration", "Idempotency", "SandboxPayments"]

    /// SQL stands in the stores (and in Database itself), so that one place knows each table.
    static func strayStatementViolations(in source: SwiftSource) -> [Violation] {
        guard source.module != "Database", !source.place.contains(where: { part in sqlNames.contains { part.contains($0) } }) else { return [] }
        let statement = /\b(?:SELECT\s.+\bFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(?:CREATE|ALTER|DROP)\s+(?:TABLE|INDEX))\b/
        return source.strings.filter { $0.text.contains(statement.dotMatchesNewlines()) }
            .map { Violation(path: source.path, line: $0.line, message: "SQL outside a Store") }
    }

    private static let promises: [(text: String, says: String)] = [
        ("@unchecked Sendable", "the compiler is told not to check"), ("nonisolated(unsafe)", "the compiler is told not to check"),
        ("try!", "a crash if it throws"), ("as!", "a crash if it is another type"), ("unsafeBitCast", "the compiler is told not to check"),
    ]

    /// A promise that the compiler cannot check stands beside its reason: a comment on its line or on one of the three before it.
    static func unexplainedPromiseViolations(in source: SwiftSource) -> [Violation] {
        let made = promises.filter { source.code.contains($0.text) }
        guard !made.isEmpty else { return [] }
        return source.codeLines.flatMap { line, text in
            made.filter { text.contains($0.text) }.compactMap { promise in
                let nearby = source.lines[max(0, line - 4)..<min(line, source.lines.count)]
                if nearby.contains(where: { $0.contains("//") }) { return nil }
                return Violation(path: source.path, line: line, message: "\(promise.text) (\(promise.says)) without its reason beside it")
            }
        }
    }

    static func lengthViolations(in source: SwiftSource) -> [Violation] {
        source.lines.count <= longestFile + 1
            ? [] : [Violation(path: source.path, line: longestFile, message: "\(source.lines.count) lines: more than \(longestFile)")]
    }

    /// Type names that say nothing of a type's one job.
    private static let emptyNames = ["Manager", "Helper", "Helpers", "Utils", "Utilities", "Common"]

    static func emptyNameViolations(in source: SwiftSource) -> [Violation] {
        guard emptyNames.contains(where: { source.code.contains($0) }) else { return [] }
        return source.codeLines.flatMap { line, text in
            text.matches(of: /\b(?:struct|class|enum|actor|protocol|extension)\s+(\w+)/).filter { match in
                emptyNames.contains { match.output.1.hasSuffix($0) }
            }
            .map { Violation(path: source.path, line: line, message: "'\($0.output.1)' does not say what it does") }
        }
    }

    /// "maxOrderCount" is max, order, count; "not a product" is not, a, product.
    static func words(of text: String) -> Set<String> {
        var words: Set<String> = []
        var word = ""
        var previousIsLower = false
        for character in text {
            let isUpper = character.isUppercase
            if !character.isLetter || isUpper && previousIsLower {
                words.insert(word.lowercased())
                word = ""
            }
            if character.isLetter { word.append(character) }
            previousIsLower = character.isLowercase
        }
        words.insert(word.lowercased())
        words.remove("")
        return words
    }
}
