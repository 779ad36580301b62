import Basics
import Database
import HTTPPath
import InventoryAPI
import NIOCore

/// The inventory service's SQL; nothing else here writes any.
///
/// A store runs on the database, where each statement is a transaction of its own, or on one transaction; use cases choose.
struct Store: Sendable {
    let runner: any SQLRunner

    init(_ runner: any SQLRunner) { self.runner = runner }

    /// Rows that one statement writes at most: with up to eleven parameters a row, far from what the engines bound.
    static let rowsPerStatement = 500

    /// Ends a statement whose rows are going to be changed: on PostgreSQL it locks them; SQLite has one writer anyway.
    static func forUpdate(of table: String) -> SQL { SQL(sqlite: "", postgres: " FOR UPDATE OF \(raw: table)") }

    /// `LIKE` without regard to case.
    static let like = SQL(sqlite: "LIKE", postgres: "ILIKE")

    /// A pattern that matches wherever the text stands, with its wildcards taken literally; `\` is the escape character.
    static func pattern(containing text: String) -> String {
        var pattern = "%"
        for character in text.unicodeScalars {
            if character == "%" || character == "_" || character == "\\" { pattern.unicodeScalars.append("\\") }
            pattern.unicodeScalars.append(character)
        }
        return pattern + "%"
    }
}

/// A stored value that this version of the service cannot read, or rows that do not fit together. Holds no value.
struct StoredValueError: Error, Hashable, CustomStringConvertible {
    let what: String

    var description: String { "a stored \(what) is not what it should be: it was written by another version or by hand" }
}

/// A page as the store reads it: one row more than asked for tells whether there is another.
struct Slice<Item: Sendable>: Sendable {
    let items: [Item]
    let hasMore: Bool

    init(_ rows: [Item], limit: Int) {
        items = Array(rows.prefix(limit))
        hasMore = rows.count > limit
    }
}

extension Array {
    /// One after the other, each of at most `size`.
    func chunks(of size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
