internal import NIOCore

/// Bytes to replies: RESP3, and what is left of RESP2. No I/O; what arrives in pieces is not read twice.
///
/// Everything is bounded, so that a broken or hostile server ends the connection instead of the process: see ``Limits``. After an error
/// nothing more can be read; where the next reply begins is not known.
struct RESPDecoder {
    struct Limits: Hashable, Sendable {
        /// Bytes of one reply with all that it holds. Redis itself allows 512 MiB for a string; a cache entry has a thousandth of it.
        var bytes = 64 << 20
        /// Bytes of a line: a type with its number, a simple string, an error.
        var line = 64 << 10
        /// Values in one reply, the aggregates included. Each costs memory also when it is three bytes long.
        var values = 1 << 20
        /// Aggregates within each other.
        var depth = 16
    }

    enum Message: Hashable, Sendable {
        /// The answer to the oldest command without one.
        case reply(RESPValue)
        /// What nobody asked for: a message of a channel, an invalidation.
        case push([RESPValue])
    }

    private enum Aggregate { case array, set, map, push, attribute }

    private struct Frame {
        let kind: Aggregate
        var missing: Int
        var values: [RESPValue] = []
    }

    private enum Text { case string, verbatim, error }

    private let limits: Limits
    private var buffer = ByteBuffer()
    private var frames: [Frame] = []
    /// A string whose line was read and whose bytes have not all arrived.
    private var text: (kind: Text, count: Int)?
    /// Bytes at the front of the buffer in which there is no end of a line.
    private var scanned = 0
    private var bytesOfReply = 0
    private var valuesOfReply = 0

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Bytes that wait for more.
    var buffered: Int { buffer.readableBytes }

    mutating func append(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// The next whole message; nil: more bytes are needed.
    mutating func next() throws(RESPError) -> Message? {
        while true {
            let value: RESPValue
            if let text {
                guard let string = try readText(text.kind, text.count) else { return nil }
                value = string
            } else {
                guard let line = try readLine() else { return nil }
                guard let whole = try begin(line) else { continue }
                value = whole
            }
            if let message = try complete(value) { return message }
        }
    }

    // MARK: Lines and strings

    private mutating func consume(_ count: Int) throws(RESPError) {
        bytesOfReply += count
        guard bytesOfReply <= limits.bytes else { throw .tooLarge }
    }

    /// A line without its end.
    private mutating func readLine() throws(RESPError) -> ByteBuffer? {
        let view = buffer.readableBytesView
        guard let end = view[(view.startIndex + scanned)...].firstIndex(of: UInt8(ascii: "\n")) else {
            scanned = view.count
            guard scanned <= limits.line else { throw .lineTooLong }
            return nil
        }
        scanned = 0
        let count = end - view.startIndex + 1
        guard count <= limits.line else { throw .lineTooLong }
        guard count >= 3, view[end - 1] == UInt8(ascii: "\r") else { throw .malformed("a line that does not end in CR LF") }
        guard let line = buffer.readSlice(length: count - 2) else { return nil }
        buffer.moveReaderIndex(forwardBy: 2)
        guard !line.readableBytesView.contains(UInt8(ascii: "\r")) else { throw .malformed("a CR inside of a line") }
        try consume(count)
        return line
    }

    private mutating func readText(_ kind: Text, _ count: Int) throws(RESPError) -> RESPValue? {
        guard buffer.readableBytes >= count + 2, var bytes = buffer.readSlice(length: count) else { return nil }
        guard buffer.readInteger(as: UInt16.self) == 0x0D0A else { throw .malformed("a string that is longer than it says") }
        try consume(count + 2)
        text = nil
        switch kind {
        case .string: return .string(bytes)
        case .error: return .error(RedisServerError(line: String(buffer: bytes)))
        case .verbatim:
            // Three characters of format, then a colon.
            guard let format = bytes.readBytes(length: 4), format[3] == UInt8(ascii: ":") else {
                throw .malformed("a verbatim string without format")
            }
            return .string(bytes)
        }
    }

    // MARK: Values

    /// What a line says; nil: it began something that needs more.
    private mutating func begin(_ line: ByteBuffer) throws(RESPError) -> RESPValue? {
        var line = line
        valuesOfReply += 1
        guard valuesOfReply <= limits.values else { throw .tooManyValues }
        switch line.readInteger(as: UInt8.self) {
        case UInt8(ascii: "+"): return .string(line)
        case UInt8(ascii: "-"): return .error(RedisServerError(line: String(buffer: line)))
        case UInt8(ascii: ":"): return .integer(try integer(line))
        case UInt8(ascii: "_"):
            guard line.readableBytes == 0 else { throw .malformed("a null with a value") }
            return .null
        case UInt8(ascii: "#"):
            switch (line.readableBytes, line.readInteger(as: UInt8.self)) {
            case (1, UInt8(ascii: "t")): return .boolean(true)
            case (1, UInt8(ascii: "f")): return .boolean(false)
            default: throw .malformed("a boolean that is neither t nor f")
            }
        case UInt8(ascii: ","): return .double(try double(line))
        case UInt8(ascii: "("): return .bigNumber(try bigNumber(line))
        case UInt8(ascii: "$"): return try beginText(.string, line)
        case UInt8(ascii: "="): return try beginText(.verbatim, line)
        case UInt8(ascii: "!"): return try beginText(.error, line)
        case UInt8(ascii: "*"): return try beginAggregate(.array, line)
        case UInt8(ascii: "~"): return try beginAggregate(.set, line)
        case UInt8(ascii: "%"): return try beginAggregate(.map, line)
        case UInt8(ascii: "|"): return try beginAggregate(.attribute, line)
        case UInt8(ascii: ">"):
            guard frames.isEmpty else { throw .malformed("a push inside of a reply") }
            return try beginAggregate(.push, line)
        default: throw .malformed("a type that RESP3 does not have")
        }
    }

    private mutating func beginText(_ kind: Text, _ line: ByteBuffer) throws(RESPError) -> RESPValue? {
        let count = try integer(line)
        if count == -1, kind == .string { return .null }
        guard count >= 0 else { throw .malformed("a string of a negative length") }
        guard count <= limits.bytes else { throw .tooLarge }
        text = (kind, Int(count))
        return nil
    }

    private mutating func beginAggregate(_ kind: Aggregate, _ line: ByteBuffer) throws(RESPError) -> RESPValue? {
        let count = try integer(line)
        if count == -1, kind == .array { return .null }
        guard count >= 0 else { throw .malformed("an aggregate of a negative length") }
        guard count <= limits.values else { throw .tooManyValues }
        guard frames.count < limits.depth else { throw .tooDeep }
        let missing = kind == .map || kind == .attribute ? Int(count) * 2 : Int(count)
        guard missing > 0 else {
            switch kind {
            case .array: return .array([])
            case .set: return .set([])
            case .map: return .map([])
            case .attribute: return nil
            case .push: throw .malformed("a push without a kind")
            }
        }
        frames.append(Frame(kind: kind, missing: missing))
        return nil
    }

    /// Puts a value where it belongs; the message, if it was the last of one.
    private mutating func complete(_ value: RESPValue) throws(RESPError) -> Message? {
        var value = value
        while let last = frames.indices.last {
            frames[last].values.append(value)
            frames[last].missing -= 1
            guard frames[last].missing == 0 else { return nil }
            let frame = frames.removeLast()
            switch frame.kind {
            case .array: value = .array(frame.values)
            case .set: value = .set(frame.values)
            case .map:
                value = .map(
                    stride(from: 0, to: frame.values.count, by: 2).map { RESPValue.Entry(frame.values[$0], frame.values[$0 + 1]) })
            // Said about the value that comes next, and nothing that a client must know.
            case .attribute: return nil
            case .push:
                endReply()
                return .push(frame.values)
            }
        }
        endReply()
        return .reply(value)
    }

    private mutating func endReply() { (bytesOfReply, valuesOfReply) = (0, 0) }

    // MARK: Numbers

    /// By hand: it is read for each string, and must not make one of its own. Digits with an optional sign, and nothing else.
    private func integer(_ line: ByteBuffer) throws(RESPError) -> Int64 {
        var digits = line.readableBytesView[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        guard !digits.isEmpty else { throw .malformed("a number without digits") }
        var value: Int64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { throw .malformed("a number with other than digits") }
            let (tenfold, overflowed) = value.multipliedReportingOverflow(by: 10)
            let step = Int64(digit - UInt8(ascii: "0"))
            let (sum, overflowedToo) = isNegative ? tenfold.subtractingReportingOverflow(step) : tenfold.addingReportingOverflow(step)
            guard !overflowed, !overflowedToo else { throw .malformed("a number beyond 64 bits") }
            value = sum
        }
        return value
    }

    private func double(_ line: ByteBuffer) throws(RESPError) -> Double {
        let text = String(buffer: line)
        switch text {
        case "inf": return .infinity
        case "-inf": return -.infinity
        case "nan": return .nan
        default:
            let allowed = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "+-.eE".utf8.contains($0) }
            guard allowed, let value = Double(text) else { throw .malformed("a double that is none") }
            return value
        }
    }

    private func bigNumber(_ line: ByteBuffer) throws(RESPError) -> String {
        let text = String(buffer: line)
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            throw .malformed("a big number with other than digits")
        }
        return text
    }
}

/// Bytes that are no RESP3, or more of it than is allowed. Holds nothing of what was read.
struct RESPError: Error, Hashable, Sendable {
    let reason: String

    static func malformed(_ what: StaticString) -> RESPError { RESPError(reason: "\(what)") }
    static let tooLarge = RESPError(reason: "a reply with more bytes than allowed")
    static let lineTooLong = RESPError(reason: "a line with more bytes than allowed")
    static let tooManyValues = RESPError(reason: "a reply with more values than allowed")
    static let tooDeep = RESPError(reason: "a reply that is nested deeper than allowed")
}
