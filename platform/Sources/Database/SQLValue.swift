public import Basics

/// A value on its way into or out of a database.
///
/// It keeps what the value means, so that each engine stores it in its own way. SQLite has no type for `bool`, `timestamp` and
/// `identifier`: they are stored as 0 or 1, as microseconds since 1970, and as lower-case canonical text.
public enum SQLValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case text(String)
    case blob([UInt8])
    case timestamp(Timestamp)
    case identifier(Identifier)
    /// One parameter that holds a list; never read back. See `\(array:)` in ``SQL``.
    case array([SQLValue])
}

/// A type whose values can be parameters of a statement.
public protocol SQLBindable: Sendable {
    var sqlValue: SQLValue { get }
}

/// A type that a column can be read as.
public protocol SQLDecodable {
    /// The value, or nil if `value` is of another type or out of range. Nothing is converted with loss.
    static func decode(_ value: SQLValue) -> Self?
}

extension SQLValue: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { self }
    public static func decode(_ value: SQLValue) -> SQLValue? { value }
}

extension Bool: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .bool(self) }

    public static func decode(_ value: SQLValue) -> Bool? {
        switch value {
        case .bool(let value): value
        case .integer(0): false
        case .integer(1): true
        default: nil
        }
    }
}

extension SQLBindable where Self: FixedWidthInteger & SignedInteger {
    public var sqlValue: SQLValue { .integer(Int64(self)) }
}

extension SQLDecodable where Self: FixedWidthInteger & SignedInteger {
    public static func decode(_ value: SQLValue) -> Self? {
        guard case .integer(let value) = value else { return nil }
        return Self(exactly: value)
    }
}

extension Int: SQLBindable, SQLDecodable {}
extension Int32: SQLBindable, SQLDecodable {}
extension Int64: SQLBindable, SQLDecodable {}

extension Double: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .double(self) }

    public static func decode(_ value: SQLValue) -> Double? {
        switch value {
        case .double(let value): value
        // A column without REAL affinity stores 2.0 as the integer 2.
        case .integer(let value): Double(exactly: value)
        default: nil
        }
    }
}

extension String: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .text(self) }

    public static func decode(_ value: SQLValue) -> String? {
        guard case .text(let value) = value else { return nil }
        return value
    }
}

extension Array: SQLBindable where Element == UInt8 {
    public var sqlValue: SQLValue { .blob(self) }
}

extension Array: SQLDecodable where Element == UInt8 {
    public static func decode(_ value: SQLValue) -> [UInt8]? {
        guard case .blob(let value) = value else { return nil }
        return value
    }
}

extension Timestamp: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .timestamp(self) }

    public static func decode(_ value: SQLValue) -> Timestamp? {
        switch value {
        case .timestamp(let value): value
        case .integer(let value): Timestamp(microseconds: value)
        default: nil
        }
    }
}

extension Identifier: SQLBindable, SQLDecodable {
    public var sqlValue: SQLValue { .identifier(self) }

    public static func decode(_ value: SQLValue) -> Identifier? {
        switch value {
        case .identifier(let value): value
        case .text(let value): Identifier(value)
        default: nil
        }
    }
}

extension Optional: SQLBindable where Wrapped: SQLBindable {
    public var sqlValue: SQLValue { self?.sqlValue ?? .null }
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
    public static func decode(_ value: SQLValue) -> Wrapped?? {
        if case .null = value { return .some(nil) }
        return Wrapped.decode(value).map(Optional.some)
    }
}
