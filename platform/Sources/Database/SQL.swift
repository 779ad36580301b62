/// The SQL language a database speaks.
public enum Dialect: String, Hashable, Sendable {
    case sqlite, postgres
}

/// A statement whose interpolated values become bind parameters: `"SELECT name FROM products WHERE id = \(id)"`.
///
/// Only a literal becomes text of the statement, so a value can never turn into syntax:
/// - `\(value)` binds a ``SQLBindable``;
/// - `\(list: values)` gives `(?, ?, …)`, and `(NULL)`, which matches nothing, if there are none;
/// - `\(array: values)` binds all of them as one parameter, so that the statement's text does not depend on their number: for
///   PostgreSQL an array without a type, so write `\(array: ids)::uuid[]`; for SQLite a JSON array, for `json_each(\(array: ids))`;
/// - `\(fragment)` nests another `SQL`, with its parameters;
/// - `\(raw: text)` splices trusted text, such as a column's name chosen by the program.
///
/// Placeholders (`?` or `$1`) are written when the statement is rendered for a dialect. An engine bounds the number of
/// parameters: 32,766 for SQLite, 65,535 for PostgreSQL.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
    indirect enum Segment: Sendable {
        case text(String)
        case value(SQLValue)
        case either(sqlite: SQL, postgres: SQL)
    }

    var segments: [Segment]

    public init(stringLiteral text: String) {
        segments = text.isEmpty ? [] : [.text(text)]
    }

    public init(stringInterpolation: StringInterpolation) {
        segments = stringInterpolation.segments
    }

    /// A statement, or a part of one, that the two dialects write differently.
    public init(sqlite: SQL, postgres: SQL) {
        segments = [.either(sqlite: sqlite, postgres: postgres)]
    }

    /// Nothing: the start of a statement put together piece by piece.
    public init() { segments = [] }

    public static func + (a: SQL, b: SQL) -> SQL {
        var sum = a
        sum += b
        return sum
    }

    public static func += (a: inout SQL, b: SQL) {
        a.segments += b.segments
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        var segments: [Segment] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            segments.reserveCapacity(interpolationCount * 2 + 1)
        }

        public mutating func appendLiteral(_ literal: String) {
            if !literal.isEmpty { segments.append(.text(literal)) }
        }

        public mutating func appendInterpolation(_ value: some SQLBindable) {
            segments.append(.value(value.sqlValue))
        }

        // By itself Optional is bindable; this overload spares the caller the compiler's warning about describing optionals.
        public mutating func appendInterpolation(_ value: (some SQLBindable)?) {
            segments.append(.value(value.sqlValue))
        }

        public mutating func appendInterpolation(_ fragment: SQL) {
            segments += fragment.segments
        }

        /// Splices text into the statement as it stands. Never pass anything that came from outside the program.
        public mutating func appendInterpolation(raw text: String) {
            appendLiteral(text)
        }

        public mutating func appendInterpolation(array values: some Sequence<some SQLBindable>) {
            segments.append(.value(.array(values.map(\.sqlValue))))
        }

        public mutating func appendInterpolation(list values: some Sequence<some SQLBindable>) {
            var separator = "("
            for value in values {
                segments.append(.text(separator))
                segments.append(.value(value.sqlValue))
                separator = ", "
            }
            segments.append(.text(separator == "(" ? "(NULL)" : ")"))
        }
    }
}

extension Sequence<SQL> {
    /// The fragments one after the other with `separator` between them; for conditions and lists of assignments.
    public func joined(separator: SQL) -> SQL {
        var result = SQL()
        for (index, fragment) in enumerated() {
            if index > 0 { result += separator }
            result += fragment
        }
        return result
    }
}

extension SQL: CustomStringConvertible {
    /// The text with placeholders, as SQLite would get it; never a value.
    public var description: String { rendered(for: .sqlite).text }
}

/// The text and the parameters an engine receives.
struct RenderedSQL: Hashable, Sendable {
    var text = ""
    var values: [SQLValue] = []
}

extension SQL {
    func rendered(for dialect: Dialect) -> RenderedSQL {
        var result = RenderedSQL()
        render(dialect, into: &result)
        return result
    }

    private func render(_ dialect: Dialect, into result: inout RenderedSQL) {
        for segment in segments {
            switch segment {
            case .text(let text):
                result.text += text
            case .value(let value):
                result.values.append(value)
                switch dialect {
                case .sqlite: result.text += "?"
                case .postgres: result.text += "$\(result.values.count)"
                }
            case .either(let sqlite, let postgres):
                (dialect == .sqlite ? sqlite : postgres).render(dialect, into: &result)
            }
        }
    }
}
