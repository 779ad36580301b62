/// One row of a result. The rows of a result share one table of column names.
public struct Row: Sendable {
    let columns: Columns
    let values: [SQLValue]

    /// The column names, in the statement's order.
    public var columnNames: [String] { columns.names }

    /// Reads a column by name.
    ///
    /// Throws `DatabaseError` with code `decoding` if there is no such column, if two columns have that name, or if the value
    /// is of another type; the error names the column and the types, never the value.
    public func decode<T: SQLDecodable>(_ column: String, as type: T.Type = T.self) throws(DatabaseError) -> T {
        guard let index = columns.indices[column] else {
            throw DatabaseError(.decoding, "the result has no column \"\(column)\"; it has: \(columns.names.joined(separator: ", "))")
        }
        guard index >= 0 else { throw DatabaseError(.decoding, "the result has more than one column \"\(column)\"") }
        return try decode(index, as: type)
    }

    /// Reads a column by its index, from 0. Errors as for a name.
    public func decode<T: SQLDecodable>(_ index: Int, as type: T.Type = T.self) throws(DatabaseError) -> T {
        guard values.indices.contains(index) else {
            throw DatabaseError(.decoding, "the result has \(values.count) columns, so none at index \(index)")
        }
        guard let value = T.decode(values[index]) else {
            throw DatabaseError(.decoding, "column \"\(columns.names[index])\" holds \(values[index].kind), which is no \(T.self)")
        }
        return value
    }
}

/// The names of a result's columns.
final class Columns: Sendable {
    let names: [String]
    /// The index of each name; -1 where a name is not unique.
    let indices: [String: Int]

    init(_ names: [String]) {
        self.names = names
        indices = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { _, _ in -1 })
    }
}

extension SQLValue {
    /// The type's name, for errors.
    var kind: String {
        switch self {
        case .null: "NULL"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .double: "a double"
        case .text: "text"
        case .blob: "bytes"
        case .timestamp: "a timestamp"
        case .identifier: "an identifier"
        case .array: "an array"
        }
    }
}
