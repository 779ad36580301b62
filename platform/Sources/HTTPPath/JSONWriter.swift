public import Basics
public import NIOCore

/// Writes JSON straight into a buffer: no tree, no reflection, no key strategy.
///
/// ```swift
/// extension Point: JSONWritable {
///     func write(to json: inout JSONWriter) { json.object { $0.field("x", x); $0.field("y", y) } }
/// }
/// ```
public struct JSONWriter {
    public private(set) var buffer: ByteBuffer
    private var needsComma = false

    public init(buffer: ByteBuffer = ByteBuffer()) { self.buffer = buffer }

    /// The bytes of one value.
    public static func bytes(_ value: some JSONWritable) -> ByteBuffer {
        var writer = JSONWriter()
        value.write(to: &writer)
        return writer.buffer
    }

    /// The bytes of one object, written in place.
    public static func object(_ body: (inout JSONWriter) -> Void) -> ByteBuffer {
        var writer = JSONWriter()
        writer.object(body)
        return writer.buffer
    }

    public mutating func object(_ body: (inout JSONWriter) -> Void) { nest(UInt8(ascii: "{"), UInt8(ascii: "}"), body) }

    public mutating func array(_ body: (inout JSONWriter) -> Void) { nest(UInt8(ascii: "["), UInt8(ascii: "]"), body) }

    /// A member of the object being written.
    public mutating func field(_ name: String, _ value: some JSONWritable) {
        self.name(name)
        value.write(to: &self)
    }

    /// A member that is left out when it has no value.
    public mutating func field(_ name: String, _ value: (some JSONWritable)?) {
        if let value { field(name, value) }
    }

    public mutating func field(_ name: String, object body: (inout JSONWriter) -> Void) {
        self.name(name)
        object(body)
    }

    public mutating func field(_ name: String, array body: (inout JSONWriter) -> Void) {
        self.name(name)
        array(body)
    }

    /// A member whose value is JSON already, spliced as it stands.
    public mutating func field(_ name: String, spliced json: ByteBuffer) {
        self.name(name)
        raw(json)
    }

    /// An element of the array being written, or the whole document.
    public mutating func value(_ value: some JSONWritable) { value.write(to: &self) }

    /// Bytes that are one JSON value already.
    public mutating func raw(_ json: ByteBuffer) {
        separate()
        buffer.writeImmutableBuffer(json)
        needsComma = true
    }

    // MARK: scalars

    mutating func literal(_ text: String) {
        separate()
        buffer.writeString(text)
        needsComma = true
    }

    mutating func text(_ text: String) {
        separate()
        quoted(text)
        needsComma = true
    }

    // MARK: -

    private mutating func separate() {
        if needsComma { buffer.writeInteger(UInt8(ascii: ",")) }
    }

    private mutating func name(_ name: String) {
        separate()
        quoted(name)
        buffer.writeInteger(UInt8(ascii: ":"))
        needsComma = false
    }

    private mutating func nest(_ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void) {
        separate()
        buffer.writeInteger(open)
        needsComma = false
        body(&self)
        buffer.writeInteger(close)
        needsComma = true
    }

    private mutating func quoted(_ text: String) {
        buffer.writeInteger(UInt8(ascii: "\""))
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            buffer.writeString(text)
        } else {
            for byte in text.utf8 {
                switch byte {
                case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
                case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
                case 0x0A: buffer.writeStaticString("\\n")
                case 0x0D: buffer.writeStaticString("\\r")
                case 0x09: buffer.writeStaticString("\\t")
                case 0..<0x20:
                    buffer.writeStaticString("\\u00")
                    for digit in [byte >> 4, byte & 15] { buffer.writeInteger(digit < 10 ? digit + 48 : digit + 87) }
                default: buffer.writeInteger(byte)
                }
            }
        }
        buffer.writeInteger(UInt8(ascii: "\""))
    }
}

/// A type that knows its form on the wire.
public protocol JSONWritable {
    func write(to json: inout JSONWriter)
}

extension String: JSONWritable { public func write(to json: inout JSONWriter) { json.text(self) } }
extension Bool: JSONWritable { public func write(to json: inout JSONWriter) { json.literal(self ? "true" : "false") } }
extension Int: JSONWritable { public func write(to json: inout JSONWriter) { json.literal(String(self)) } }
extension Int64: JSONWritable { public func write(to json: inout JSONWriter) { json.literal(String(self)) } }
extension Identifier: JSONWritable { public func write(to json: inout JSONWriter) { json.text(description) } }
extension Timestamp: JSONWritable { public func write(to json: inout JSONWriter) { json.text(description) } }

extension Double: JSONWritable {
    /// JSON has no infinities and no NaN: they become null.
    public func write(to json: inout JSONWriter) { json.literal(isFinite ? "\(self)" : "null") }
}

extension Array: JSONWritable where Element: JSONWritable {
    public func write(to json: inout JSONWriter) {
        json.array { json in for element in self { json.value(element) } }
    }
}

extension Dictionary: JSONWritable where Key == String, Value: JSONWritable {
    /// Sorted by name, so that equal values have equal bytes.
    public func write(to json: inout JSONWriter) {
        json.object { json in for (name, value) in self.sorted(by: { $0.key < $1.key }) { json.field(name, value) } }
    }
}

extension JSON: JSONWritable {
    public func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.literal("null")
        case .bool(let bool): bool.write(to: &json)
        case .integer(let number): number.write(to: &json)
        case .number(let text): json.literal(text)
        case .string(let text): json.text(text)
        case .array(let items): items.write(to: &json)
        case .object(let members): json.object { json in for member in members { json.field(member.name, member.value) } }
        }
    }
}
