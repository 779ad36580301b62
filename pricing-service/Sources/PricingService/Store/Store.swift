import Basics
import Database
import HTTPPath
import NIOCore
import PricingAPI

/// The pricing service's SQL; nothing else here writes any.
///
/// A store runs on the database, where each statement is a transaction of its own, or on one transaction; use cases choose.
struct Store: Sendable {
    let runner: any SQLRunner

    init(_ runner: any SQLRunner) { self.runner = runner }

    /// A table's newest version in force at `time`.
    /// - Parameter known: only of what was known by then; nil for all.
    static func versionInForce(of table: String, at time: Timestamp, known: Timestamp?) -> SQL {
        let wasKnown: SQL = known.map { "AND created_at <= \($0)" } ?? ""
        return """
            (SELECT version FROM \(raw: table) WHERE valid_from <= \(time) \(wasKnown) ORDER BY valid_from DESC, version DESC LIMIT 1)
            """
    }

    /// When the next version of a table takes over; NULL where none is known.
    static func nextStart(of table: String, after time: Timestamp, known: Timestamp?) -> SQL {
        let wasKnown: SQL = known.map { "AND created_at <= \($0)" } ?? ""
        return "(SELECT MIN(valid_from) FROM \(raw: table) WHERE valid_from > \(time) \(wasKnown))"
    }

    /// Keeps other writers out of a table until the transaction ends; readers go on. For what looks at a whole table and writes what follows
    /// from it. SQLite has one writer at a time anyway.
    func lock(_ table: String) async throws {
        guard runner.dialect == .postgres else { return }
        try await runner.execute("LOCK TABLE \(raw: table) IN SHARE ROW EXCLUSIVE MODE")
    }

    /// JSON for a text column.
    static func text(_ value: some JSONWritable) -> String { String(buffer: JSONWriter.bytes(value)) }

    /// Reads a JSON text column that this service wrote. What cannot be read was written by somebody else.
    static func value<T: JSONReadable>(_ text: String, as type: T.Type = T.self) throws(StoredValueError) -> T {
        do {
            return try Fields.read(JSON.parse(Array(text.utf8)), strict: false) { T($0) }
        } catch {
            throw StoredValueError(type: "\(T.self)")
        }
    }
}

/// A stored value that this version of the service cannot read. Holds no value.
struct StoredValueError: Error, Hashable, CustomStringConvertible {
    let type: String

    var description: String { "a stored \(type) cannot be read: it was written by another version or by hand" }
}

extension Row {
    func currency(_ column: String) throws -> Currency {
        guard let currency = Currency(try decode(column, as: String.self)) else { throw StoredValueError(type: "Currency") }
        return currency
    }

    func rate(_ value: String, _ scale: String) throws -> Rate {
        guard let rate = Rate(value: try decode(value), scale: Int(try decode(scale, as: Int64.self))) else { throw StoredValueError(type: "Rate") }
        return rate
    }
}
