internal import Synchronization

/// A trace's identity: 128 bits, never zero. Written as 32 lower-case hexadecimal digits.
public struct TraceID: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    /// What a system that knows only 64 bits keeps of it.
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// nil unless `hex` is 32 lower-case hexadecimal digits that are not all zero.
    public init?(hex: String) {
        guard let id = Hex.read(hex, count: 32, { Hex.pair($0) }), id.0 | id.1 != 0 else { return nil }
        self.init(high: id.0, low: id.1)
    }

    public var description: String { Hex.text(high, low) }
}

/// A span's identity within its trace: 64 bits, never zero. Written as 16 lower-case hexadecimal digits.
public struct SpanID: Hashable, Sendable, CustomStringConvertible {
    public let value: UInt64

    public init(_ value: UInt64) { self.value = value }

    /// nil unless `hex` is 16 lower-case hexadecimal digits that are not all zero.
    public init?(hex: String) {
        guard let value = Hex.read(hex, count: 16, { Hex.word($0, at: 0) }), value != 0 else { return nil }
        self.init(value)
    }

    public var description: String { Hex.text(value) }
}

/// Makes identities: SplitMix64 from a random seed, because asking the kernel for each costs more than all the rest of a span.
/// They are unique, and cannot be guessed from outside; they are no secrets.
final class IdentitySource: Sendable {
    private let state: Atomic<UInt64>

    init(seed: UInt64 = SystemRandomNumberGenerator.seed()) { state = Atomic(seed) }

    func spanID() -> SpanID { SpanID(next()) }

    func traceID() -> TraceID { TraceID(high: next(), low: next()) }

    private func next() -> UInt64 {
        while true {
            var z = state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            if z != 0 { return z }
        }
    }
}

extension SystemRandomNumberGenerator {
    static func seed() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

enum Hex {
    static func text(_ value: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            write(value, to: buffer, at: 0)
            return 16
        }
    }

    static func text(_ high: UInt64, _ low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            write(high, to: buffer, at: 0)
            write(low, to: buffer, at: 16)
            return 32
        }
    }

    static func write(_ value: UInt64, to buffer: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        var rest = value
        for index in (start..<start + 16).reversed() {
            let nibble = UInt8(truncatingIfNeeded: rest & 0xF)
            buffer[index] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble
            rest >>= 4
        }
    }

    /// What `body` makes of the text's bytes, of which there must be `count`.
    static func read<T>(_ text: String, count: Int, _ body: (UnsafeBufferPointer<UInt8>) -> T?) -> T? {
        guard text.utf8.count == count else { return nil }
        var text = text
        return text.withUTF8(body)
    }

    static func pair(_ bytes: UnsafeBufferPointer<UInt8>) -> (UInt64, UInt64)? {
        guard let high = word(bytes, at: 0), let low = word(bytes, at: 16) else { return nil }
        return (high, low)
    }

    /// 16 digits from `start`, lower case only, as W3C has it.
    static func word(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> UInt64? { number(bytes, at: start, digits: 16) }

    static func number(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int, digits: Int) -> UInt64? {
        guard start + digits <= bytes.count else { return nil }
        var value: UInt64 = 0
        for byte in bytes[start..<start + digits] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
