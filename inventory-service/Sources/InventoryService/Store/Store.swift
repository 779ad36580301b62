import Basics
import Database
import HTTPPath
import InventoryAPI

/// The inventory service's SQL; nothing else here writes any.
///
/// A store runs on the database, where each statement is a transaction of its own, or on one transaction; use cases choose.
struct Store: Sendable {
    let runner: any SQLRunner

    init(_ runner: any SQLRunner) { self.runner = runner }

    /// Rows that one statement writes at most: with up to eleven parameters a row, far from what the engines bound.
    static let rowsPerStatement = 500

    /// Ends a statement whose rows are going to be changed: on PostgreSQL it locks them; SQLite has one writer anyway.
    ///
    /// Transactions run at READ COMMITTED, and three habits make that enough. What is going to be changed is locked first and read
    /// then, so that what was read stays true. Locks are taken in one order (reservations that are there, then products and their stock by
    /// id, then the rows of new reservations by id), so that no two transactions wait for each other. And whoever may be the first with a key inserts with `ON CONFLICT DO NOTHING`:
    /// that waits for another who is about to, and what the other wrote is then there to be read.
    ///
    /// The lock is the weaker one that leaves a row's key alone, because each line and each entry of the ledger takes a share of its
    /// product's key: a stronger lock would wait for orders, and they for it.
    static func forUpdate(of table: String) -> SQL { SQL(sqlite: "", postgres: " FOR NO KEY UPDATE OF \(raw: table)") }

    /// The condition that a column of ids is one of these. On PostgreSQL the statement is the same for any number of them, so that it is
    /// prepared once.
    static func isOne(_ column: String, of ids: [Identifier]) -> SQL {
        SQL(sqlite: "\(raw: column) IN \(list: ids)", postgres: "\(raw: column) = ANY(\(array: ids)::uuid[])")
    }

    static func isOne(_ column: String, of texts: [String]) -> SQL {
        SQL(sqlite: "\(raw: column) IN \(list: texts)", postgres: "\(raw: column) = ANY(\(array: texts)::text[])")
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
