import Basics

/// A statement's values in the form they are sent in: each with its type, so that the server need not guess it.
struct PostgresParameters: Sendable {
    /// The server's number for each type; 0 where it infers it: for NULL and for lists.
    private(set) var types: [UInt32] = []
    private(set) var bytes: [UInt8] = []
    /// Where each value begins in `bytes`; nil for NULL.
    private(set) var offsets: [Int?] = []
    private(set) var lengths: [Int32] = []
    /// 1 for the binary form, 0 for text.
    private(set) var formats: [Int32] = []

    /// The protocol counts them in 16 bits.
    static let most = 65_535

    /// Throws `statement` for more than 65,535 values, for a time that PostgreSQL has no room for, and for lists of what has no text form.
    init(_ values: [SQLValue]) throws(DatabaseError) {
        guard values.count <= Self.most else {
            throw DatabaseError(.statement, "the statement has \(values.count) parameters, and PostgreSQL takes \(Self.most)")
        }
        types.reserveCapacity(values.count)
        offsets.reserveCapacity(values.count)
        lengths.reserveCapacity(values.count)
        formats.reserveCapacity(values.count)
        for value in values { try append(value) }
    }

    private mutating func append(_ value: SQLValue) throws(DatabaseError) {
        let offset = bytes.count
        var (type, format): (PostgresType, Int32) = (.unknown, 1)
        switch value {
        case .null:
            types.append(PostgresType.unknown.rawValue)
            offsets.append(nil)
            lengths.append(0)
            formats.append(1)
            return
        case .bool(let value):
            type = .bool
            bytes.append(value ? 1 : 0)
        case .integer(let value):
            type = .int8
            append(value)
        case .double(let value):
            type = .float8
            append(value.bitPattern)
        case .text(let value):
            type = .text
            bytes.append(contentsOf: value.utf8)
        case .blob(let value):
            type = .bytea
            bytes.append(contentsOf: value)
        case .timestamp(let value):
            type = .timestamptz
            append(try Self.sinceEpoch(value))
        case .identifier(let value):
            type = .uuid
            append(value.high)
            append(value.low)
        case .array(let values):
            format = 0
            try Self.append(values, to: &bytes)
        }
        types.append(type.rawValue)
        offsets.append(offset)
        lengths.append(Int32(clamping: bytes.count - offset))
        formats.append(format)
        // A text ends with a NUL; and every value has an address, the empty one too.
        bytes.append(0)
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Microseconds since 2000-01-01, which is where PostgreSQL's times begin.
    private static func sinceEpoch(_ time: Timestamp) throws(DatabaseError) -> Int64 {
        let (value, overflow) = time.microseconds.subtractingReportingOverflow(PostgresType.epoch)
        // The two ends stand for -infinity and infinity.
        guard !overflow, value != .min, value != .max else { throw DatabaseError(.statement, "a time is too early for PostgreSQL") }
        return value
    }

    /// The text form: `{"a","b",NULL}`.
    private static func append(_ values: [SQLValue], to bytes: inout [UInt8]) throws(DatabaseError) {
        bytes.append(UInt8(ascii: "{"))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            switch value {
            case .null: bytes.append(contentsOf: "NULL".utf8)
            case .bool(let value): bytes.append(UInt8(ascii: value ? "t" : "f"))
            case .integer(let value): bytes.append(contentsOf: String(value).utf8)
            case .double(let value): bytes.append(contentsOf: Self.text(value).utf8)
            case .identifier(let value): bytes.append(contentsOf: value.description.utf8)
            case .timestamp(let value):
                bytes.append(UInt8(ascii: "\""))
                bytes.append(contentsOf: value.description.utf8)
                bytes.append(UInt8(ascii: "\""))
            case .text(let value):
                bytes.append(UInt8(ascii: "\""))
                for byte in value.utf8 {
                    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
                    guard byte != 0 else { throw DatabaseError(.statement, "a text in a list holds a NUL, which PostgreSQL does not store") }
                    bytes.append(byte)
                }
                bytes.append(UInt8(ascii: "\""))
            case .blob, .array: throw DatabaseError(.statement, "a list may not hold \(value.kind) on PostgreSQL")
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        return value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : value.description
    }
}

/// The types that are written and read, by their numbers in `pg_type`.
enum PostgresType: UInt32 {
    case unknown = 0
    case bool = 16
    case bytea = 17
    case char = 18
    case name = 19
    case int8 = 20
    case int2 = 21
    case int4 = 23
    case text = 25
    case oid = 26
    case json = 114
    case float4 = 700
    case float8 = 701
    case unknownText = 705
    case bpchar = 1042
    case varchar = 1043
    case timestamp = 1114
    case timestamptz = 1184
    case numeric = 1700
    case void = 2278
    case uuid = 2950
    case jsonb = 3802

    /// Microseconds from 1970-01-01 to 2000-01-01.
    static let epoch: Int64 = 946_684_800_000_000
}
