/// 16 bytes, not all zero, written as 32 hexadecimal digits.
struct TraceID: Hashable, Sendable, CustomStringConvertible {
    let high: UInt64
    let low: UInt64

    /// - Returns: nil unless there are 16 bytes and one of them is not zero.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == 16 else { return nil }
        self.init(high: bigEndian(bytes.prefix(8)), low: bigEndian(bytes.suffix(8)))
    }

    /// - Returns: nil unless there are 32 hexadecimal digits and one of them is not zero.
    init?(_ text: String) {
        guard text.utf8.count == 32, text.utf8.allSatisfy(isHexDigit), let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    private init?(high: UInt64, low: UInt64) {
        guard high != 0 || low != 0 else { return nil }
        self.high = high
        self.low = low
    }

    var description: String { hexadecimal(high) + hexadecimal(low) }
}

/// 8 bytes, not all zero, written as 16 hexadecimal digits.
struct SpanID: Hashable, Sendable, CustomStringConvertible {
    let value: UInt64

    /// - Returns: nil unless there are 8 bytes and one of them is not zero.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == 8 else { return nil }
        value = bigEndian(bytes)
        guard value != 0 else { return nil }
    }

    var description: String { hexadecimal(value) }
}

private func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

private func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

private func isHexDigit(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
}
