/// Reads one protobuf message, field by field, as it stands on the wire: no schema, no I/O, nothing allocated but slices.
///
/// What a message's type does not know is skipped, and a field of another wire type than its own is one that it does not know, as the
/// format's own readers do. Everything else that is not protobuf is an error: a length beyond the end, a number of more than 64 bits,
/// field 0, the groups of old, and messages within messages beyond a bound, so that no input makes the reader recurse at will.
struct ProtobufReader {
    struct Field {
        let number: Int
        let value: Value
    }

    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// A string, bytes or a message.
        case bytes(ArraySlice<UInt8>)
    }

    /// Messages within messages. OTLP's own are eight deep; attribute values may nest, and nobody's nest deeper than this.
    static let deepest = 32

    private var rest: ArraySlice<UInt8>
    private let depth: Int

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
        depth = 0
    }

    private init(_ bytes: ArraySlice<UInt8>, depth: Int) {
        rest = bytes
        self.depth = depth
    }

    /// A reader of a message that a field of this one holds.
    func nested(_ bytes: ArraySlice<UInt8>) throws(ProtobufError) -> ProtobufReader {
        guard depth < Self.deepest else { throw .tooDeep }
        return ProtobufReader(bytes, depth: depth + 1)
    }

    /// The next field, or nil at the end.
    mutating func next() throws(ProtobufError) -> Field? {
        guard !rest.isEmpty else { return nil }
        let key = try varint()
        // 29 bits of number, 3 of wire type.
        guard let tag = UInt32(exactly: key), tag >> 3 > 0 else { throw .invalidField }
        return Field(number: Int(tag >> 3), value: try value(wireType: tag & 7))
    }

    private mutating func value(wireType: UInt32) throws(ProtobufError) -> Value {
        switch wireType {
        case 0: return .varint(try varint())
        case 1: return .fixed64(try fixed(8))
        case 2:
            let length = try varint()
            guard length <= UInt64(rest.count) else { throw .truncated }
            let bytes = rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
            return .bytes(bytes)
        case 5: return .fixed32(UInt32(truncatingIfNeeded: try fixed(4)))
        default: throw .invalidField
        }
    }

    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            // The tenth byte has room for the 64th bit only.
            guard shift < 63 || byte <= 1 else { throw .invalidNumber }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        throw .truncated
    }

    private mutating func fixed(_ count: Int) throws(ProtobufError) -> UInt64 {
        guard rest.count >= count else { throw .truncated }
        var value: UInt64 = 0
        for byte in rest.prefix(count).reversed() { value = value << 8 | UInt64(byte) }
        rest = rest.dropFirst(count)
        return value
    }
}

extension ProtobufReader.Value {
    /// A field of type `string`. Bytes that are not UTF-8 are replaced: a name is better shown damaged than lost.
    var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    var bytes: ArraySlice<UInt8>? { if case .bytes(let bytes) = self { bytes } else { nil } }
    var varint: UInt64? { if case .varint(let number) = self { number } else { nil } }
    var fixed64: UInt64? { if case .fixed64(let number) = self { number } else { nil } }
}

/// Why bytes are not a protobuf message.
enum ProtobufError: Error, Hashable, CustomStringConvertible {
    case truncated, invalidField, invalidNumber, tooDeep

    var description: String {
        switch self {
        case .truncated: "the message breaks off"
        case .invalidField: "a field has no valid number or wire type"
        case .invalidNumber: "a number has more than 64 bits"
        case .tooDeep: "messages nest deeper than \(ProtobufReader.deepest)"
        }
    }
}
