/// Splits CSV (RFC 4180) into records, piece by piece, without I/O: quotes, doubled quotes, line ends within quotes, LF, CRLF and CR.
///
/// Whether a record is well formed is the shop's to say, which gets the same bytes; what is not comes out of here as nil.
struct CSVRecords: Sendable {
    struct Record: Hashable, Sendable {
        /// The line on which it begins, from 1.
        var line: Int
        var fields: [String]?
    }

    /// Bytes of one record that are kept. The shop refuses longer ones.
    static let longest = 65_536

    private enum State { case start, plain, quoted, afterQuote, broken }

    private var state = State.start
    private var fields: [[UInt8]] = []
    private var field: [UInt8] = []
    private var size = 0
    private var line = 1
    private var firstLine = 1
    private var lastWasCR = false
    private var position = 0

    mutating func append(_ bytes: some Sequence<UInt8>) -> [Record] {
        var records: [Record] = []
        for byte in bytes {
            position += 1
            // A byte-order mark.
            if position <= 3, byte == [0xEF, 0xBB, 0xBF][position - 1] { continue }
            if let record = take(byte) { records.append(record) }
        }
        return records
    }

    /// The last record, if its line has no end.
    mutating func finish() -> Record? {
        if state == .quoted { state = .broken }
        return endRecord()
    }

    private mutating func take(_ byte: UInt8) -> Record? {
        let followsCR = lastWasCR
        lastWasCR = byte == 0x0D
        let isLineEnd = byte == 0x0D || byte == 0x0A
        if isLineEnd, byte == 0x0A, followsCR {
            // The second half of CRLF: the CR has ended the line; within quotes it is content.
            if state == .quoted { keep(byte) } else { firstLine = line }
            return nil
        }
        if isLineEnd { line += 1 }
        if isLineEnd, state != .quoted { return endRecord() }
        switch (state, byte) {
        case (.broken, _): break
        case (.start, UInt8(ascii: "\"")): state = .quoted
        case (.quoted, UInt8(ascii: "\"")): state = .afterQuote
        case (.afterQuote, UInt8(ascii: "\"")):
            state = .quoted
            keep(byte)
        case (.start, UInt8(ascii: ",")), (.plain, UInt8(ascii: ",")), (.afterQuote, UInt8(ascii: ",")): endField()
        case (.afterQuote, _), (.plain, UInt8(ascii: "\"")): state = .broken
        case (.quoted, _): keep(byte)
        case (.start, _), (.plain, _):
            state = .plain
            keep(byte)
        }
        return nil
    }

    /// Comes last: it may find the record broken.
    private mutating func keep(_ byte: UInt8) {
        size += 1
        if size > Self.longest { state = .broken } else { field.append(byte) }
    }

    private mutating func endField() {
        fields.append(field)
        field = []
        state = .start
    }

    /// nil for an empty line.
    private mutating func endRecord() -> Record? {
        defer {
            (fields, field, size, state, firstLine) = ([], [], 0, .start, line)
        }
        if state == .broken { return Record(line: firstLine, fields: nil) }
        if state == .start, fields.isEmpty { return nil }
        endField()
        return Record(line: firstLine, fields: fields.map { String(decoding: $0, as: UTF8.self) })
    }
}
