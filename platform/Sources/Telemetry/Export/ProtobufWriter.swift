internal import NIOCore

/// Writes Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding/) in one pass, without a message in between.
///
/// A message inside another needs its length before it: room for the length that is likely is left, and where it was another the body is
/// moved. So the bytes are the canonical ones, as any other encoder writes them.
struct ProtobufWriter: ~Copyable {
    /// Where a message's length goes.
    struct Mark {
        fileprivate let position: Int
        fileprivate let width: Int
    }

    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 4096) {
        self.capacity = max(64, capacity)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    /// What was written.
    var buffer: ByteBuffer { ByteBuffer(bytes: UnsafeRawBufferPointer(start: base, count: count)) }
    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: base, count: count)) }

    mutating func removeAll() { count = 0 }

    // MARK: Fields

    /// Zero is the default, and left out.
    mutating func varint(_ field: Int, _ value: UInt64) { if value != 0 { variant(field, varint: value) } }

    mutating func fixed64(_ field: Int, _ value: UInt64) { if value != 0 { variant(field, fixed64: value) } }

    mutating func fixed32(_ field: Int, _ value: UInt32) {
        guard value != 0 else { return }
        reserve(16)
        put(tag: field, wire: 5)
        UnsafeMutableRawPointer(base + count).storeBytes(of: value.littleEndian, as: UInt32.self)
        count += 4
    }

    mutating func string(_ field: Int, _ text: String) { if !text.isEmpty { variant(field, string: text) } }

    /// As they are; for what was encoded before.
    mutating func raw(_ bytes: [UInt8]) {
        reserve(bytes.count)
        bytes.withUnsafeBufferPointer { put($0) }
    }

    /// An identity of 16 bytes, most significant first.
    mutating func identity(_ field: Int, _ id: TraceID) {
        reserve(32)
        put(tag: field, wire: 2)
        put(16)
        put(bigEndian: id.high)
        put(bigEndian: id.low)
    }

    mutating func identity(_ field: Int, _ id: SpanID) {
        reserve(32)
        put(tag: field, wire: 2)
        put(8)
        put(bigEndian: id.value)
    }

    mutating func packed(_ field: Int, _ values: [UInt64]) {
        guard !values.isEmpty else { return }
        reserve(20 + values.count * 8)
        put(tag: field, wire: 2)
        put(varint: UInt64(values.count * 8))
        for value in values { put(fixed64: value) }
    }

    // MARK: Members of a `oneof`, which are written whatever their value

    mutating func variant(_ field: Int, varint value: UInt64) {
        reserve(20)
        put(tag: field, wire: 0)
        put(varint: value)
    }

    mutating func variant(_ field: Int, fixed64 value: UInt64) {
        reserve(20)
        put(tag: field, wire: 1)
        put(fixed64: value)
    }

    mutating func variant(_ field: Int, string text: String) {
        let length = text.utf8.count
        reserve(length + 20)
        put(tag: field, wire: 2)
        put(varint: UInt64(length))
        // A native string, which all are but those bridged from Objective-C, gives its bytes without a copy.
        if text.utf8.withContiguousStorageIfAvailable({ put($0) }) == nil { for byte in text.utf8 { put(byte) } }
    }

    // MARK: Messages

    /// Begins a message inside this one.
    /// - Parameter width: bytes that its length will likely take: 1 up to 127 bytes, 2 up to 16 KiB.
    mutating func begin(_ field: Int, width: Int = 1) -> Mark {
        reserve(20)
        put(tag: field, wire: 2)
        let mark = Mark(position: count, width: width)
        count += width
        return mark
    }

    mutating func end(_ mark: Mark) {
        let start = mark.position + mark.width
        let length = count - start
        let width = Self.width(of: UInt64(length))
        if width != mark.width {
            reserve(10)
            (base + mark.position + width).update(from: base + start, count: length)
        }
        count = mark.position
        put(varint: UInt64(length))
        count += length
    }

    // MARK: Bytes

    /// What follows may write so many bytes without asking again.
    private mutating func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        moved.update(from: base, count: count)
        base.deallocate()
        (base, capacity) = (moved, larger)
    }

    private mutating func put(_ byte: UInt8) {
        base[count] = byte
        count += 1
    }

    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let address = bytes.baseAddress else { return }
        (base + count).update(from: address, count: bytes.count)
        count += bytes.count
    }

    private mutating func put(tag field: Int, wire: UInt64) { put(varint: UInt64(field) << 3 | wire) }

    private mutating func put(varint value: UInt64) {
        var rest = value
        while rest > 0x7F {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func put(fixed64 value: UInt64) {
        UnsafeMutableRawPointer(base + count).storeBytes(of: value.littleEndian, as: UInt64.self)
        count += 8
    }

    private mutating func put(bigEndian value: UInt64) {
        UnsafeMutableRawPointer(base + count).storeBytes(of: value.bigEndian, as: UInt64.self)
        count += 8
    }

    private static func width(of value: UInt64) -> Int { max(1, (64 - value.leadingZeroBitCount + 6) / 7) }
}
