public import NIOCore

/// A command as it is sent: its words, of which the first is its name.
///
/// ```swift
/// RedisCommand("SET", .text(key), .bytes(value), "PX", 5000)
/// ```
public struct RedisCommand: Hashable, Sendable {
    public var words: [Word]

    public init(_ words: Word...) { self.words = words }

    public init(_ words: [Word]) { self.words = words }

    public enum Word: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case text(String)
        case bytes(ByteBuffer)
        case integer(Int64)

        public init(stringLiteral value: String) { self = .text(value) }
        public init(integerLiteral value: Int64) { self = .integer(value) }
    }

    /// The name, for logs, spans and metrics: never a key or a value.
    public var name: String {
        guard case .text(let name)? = words.first else { return "" }
        return name
    }

    /// Replies that it gets: of a subscription, one for each channel.
    var replies: Int {
        switch name.uppercased() {
        case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE": max(1, words.count - 1)
        default: 1
        }
    }

    /// Bytes that it takes at most, in the encoding.
    var size: Int {
        words.reduce(16) { size, word in
            switch word {
            case .text(let text): size + text.utf8.count + 16
            case .bytes(let bytes): size + bytes.readableBytes + 16
            case .integer: size + 40
            }
        }
    }

    /// An array of bulk strings.
    func encode(into buffer: inout ByteBuffer) {
        buffer.writeLine("*", words.count)
        for word in words {
            switch word {
            case .text(let text):
                buffer.writeLine("$", text.utf8.count)
                buffer.writeString(text)
            case .bytes(let bytes):
                buffer.writeLine("$", bytes.readableBytes)
                buffer.writeImmutableBuffer(bytes)
            case .integer(let value):
                let text = String(value)
                buffer.writeLine("$", text.utf8.count)
                buffer.writeString(text)
            }
            buffer.writeInteger(UInt16(0x0D0A))
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeLine(_ type: Unicode.Scalar, _ count: Int) {
        writeInteger(UInt8(ascii: type))
        writeString(String(count))
        writeInteger(UInt16(0x0D0A))
    }
}
