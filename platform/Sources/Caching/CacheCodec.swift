public import NIOCore

/// How values are written as bytes for the remote tier, and how much of the process' memory they take.
public struct CacheCodec<Value: Sendable>: Sendable {
    public var encode: @Sendable (Value, inout ByteBuffer) -> Void
    /// Nil: the bytes are not of this program's making.
    public var decode: @Sendable (ByteBuffer) -> Value?
    /// Bytes.
    public var cost: @Sendable (Value) -> Int

    public init(
        encode: @escaping @Sendable (Value, inout ByteBuffer) -> Void, decode: @escaping @Sendable (ByteBuffer) -> Value?,
        cost: @escaping @Sendable (Value) -> Int
    ) {
        self.encode = encode
        self.decode = decode
        self.cost = cost
    }
}

extension CacheCodec where Value == ByteBuffer {
    /// Bytes as they are, for answers that are kept already encoded.
    public static var bytes: CacheCodec {
        CacheCodec(encode: { $1.writeImmutableBuffer($0) }, decode: { $0 }, cost: { $0.readableBytes })
    }
}
