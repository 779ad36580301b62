import Basics
import Database

/// Looking for a text anywhere in a product's SKU, name or description, whatever the case of A to Z. Other letters are looked for as they
/// are, on both engines: what another script's capitals are depends on the language, and a search that answers differently on another
/// server is worse than one that is plain.
///
/// Both engines have an index of the pieces of three characters, which gives candidates; the text itself is compared afterwards. Shorter
/// texts have no such piece: for them the products are read in the order of SKUs until the page is full.
extension Store {
    static func text(contains text: String) -> SQL {
        let like: SQL = {
            let pattern = pattern(containing: text)
            return "(p.sku LIKE \(pattern) ESCAPE '\\' OR p.name LIKE \(pattern) ESCAPE '\\' OR p.description LIKE \(pattern) ESCAPE '\\')"
        }()
        // As the text of the index has it, or the index is not used.
        let whole: SQL = "lower((p.sku || E'\\x1f' || p.name || E'\\x1f' || p.description) COLLATE \"C\")"
        let lower = lowerASCII(text)
        return SQL(
            sqlite: text.unicodeScalars.count < 3
                ? like
                : """
                p.id IN (SELECT n.product_id FROM product_texts t JOIN product_numbers n ON n.number = t.rowid \
                WHERE t.product_texts MATCH \(phrase(text))) AND \(like)
                """,
            // strpos keeps the planner from an index scan that would find every product.
            postgres: hasWordPiece(text) ? "\(whole) LIKE \(pattern(containing: lower))" : "strpos(\(whole), \(lower)) > 0")
    }

    /// A pattern that matches wherever the text stands, with its wildcards taken literally; `\` is the escape character.
    static func pattern(containing text: String) -> String {
        var pattern = "%"
        for character in text.unicodeScalars {
            if character == "%" || character == "_" || character == "\\" { pattern.unicodeScalars.append("\\") }
            pattern.unicodeScalars.append(character)
        }
        return pattern + "%"
    }

    /// The text as one phrase of FTS5's language.
    private static func phrase(_ text: String) -> String { "\"" + text.replacing("\"", with: "\"\"") + "\"" }

    private static func lowerASCII(_ text: String) -> String {
        var lower = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { lower.append(("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar) }
        return String(lower)
    }

    /// PostgreSQL's pieces are of words only: three letters or digits in a row.
    private static func hasWordPiece(_ text: String) -> Bool {
        var run = 0
        for scalar in text.unicodeScalars {
            run = scalar.properties.isAlphabetic || scalar.properties.numericType != nil ? run + 1 : 0
            if run == 3 { return true }
        }
        return false
    }

    // MARK: SQLite's index, kept by hand: see m0002_search.sqlite.sql

    /// After products were written.
    func addToIndex(_ products: [Identifier]) async throws {
        guard runner.dialect == .sqlite else { return }
        try await runner.execute(
            """
            INSERT INTO product_numbers (product_id) SELECT p.id FROM products p WHERE p.id IN \(list: products)
            ON CONFLICT (product_id) DO NOTHING
            """)
        try await runner.execute(
            """
            INSERT INTO product_texts (rowid, sku, name, description)
            SELECT n.number, p.sku, p.name, p.description FROM products p JOIN product_numbers n ON n.product_id = p.id
            WHERE p.id IN \(list: products)
            """)
    }

    /// Before a product is changed: the index has no copy of the texts, and must be told what it knew.
    func removeFromIndex(_ product: Identifier) async throws {
        guard runner.dialect == .sqlite else { return }
        try await runner.execute(
            """
            INSERT INTO product_texts (product_texts, rowid, sku, name, description)
            SELECT 'delete', n.number, p.sku, p.name, p.description FROM products p JOIN product_numbers n ON n.product_id = p.id
            WHERE p.id = \(product)
            """)
    }
}
