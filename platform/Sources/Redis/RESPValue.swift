public import NIOCore

/// A reply of the server, in RESP3's types. What RESP2 spells differently (`$-1`, `*-1`) is the same here.
///
/// Equality is by content: two doubles that are not numbers are not equal.
public enum RESPValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case double(Double)
    /// Decimal digits with an optional sign, of any length.
    case bigNumber(String)
    /// A simple, bulk or verbatim string; of the last, the text without its format.
    case string(ByteBuffer)
    /// An error inside of a reply, or in place of one of several (a transaction's). As the whole reply it is thrown: ``RedisError``.
    case error(RedisServerError)
    case array([RESPValue])
    case set([RESPValue])
    /// In the server's order; a key may come twice.
    case map([Entry])

    public struct Entry: Hashable, Sendable {
        public var key: RESPValue
        public var value: RESPValue

        public init(_ key: RESPValue, _ value: RESPValue) {
            self.key = key
            self.value = value
        }
    }

    /// For tests and literals.
    public static func string(_ text: String) -> RESPValue { .string(ByteBuffer(string: text)) }

    /// The bytes of a string; nil for everything else.
    public var bytes: ByteBuffer? {
        if case .string(let bytes) = self { bytes } else { nil }
    }

    /// A string as text, invalid UTF-8 replaced; nil for everything else.
    public var text: String? { bytes.map { String(buffer: $0) } }

    /// An integer, or a string of decimal digits as scripts and old commands send it.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .string(let bytes): Int64(String(buffer: bytes))
        default: nil
        }
    }

    /// The elements of an array or a set.
    public var elements: [RESPValue]? {
        switch self {
        case .array(let values), .set(let values): values
        default: nil
        }
    }

    public var isNull: Bool { self == .null }

    /// The value of a text key in a map, or in an array of keys and values as RESP2 sends it.
    public subscript(key: String) -> RESPValue? {
        switch self {
        case .map(let entries): return entries.first { $0.key.text == key }?.value
        case .array(let values):
            var index = 0
            while index + 1 < values.count {
                if values[index].text == key { return values[index + 1] }
                index += 2
            }
            return nil
        default: return nil
        }
    }
}

/// What the server refused, in its own words.
public struct RedisServerError: Hashable, Sendable {
    /// The first word, in capitals by convention: `ERR`, `WRONGTYPE`, `NOSCRIPT`, `OOM`, `BUSY`, …
    public let code: String
    /// The whole line. It can hold what was sent (keys, arguments), so it is not for logs.
    public let message: String

    init(line: String) {
        code = String(line.prefix { $0 != " " }.prefix(32))
        message = line
    }
}
