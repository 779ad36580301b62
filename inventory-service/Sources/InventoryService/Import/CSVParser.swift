/// Reads CSV by RFC 4180, piece by piece, in whatever pieces it comes: a state machine without I/O.
///
/// - Fields in quotes may hold commas, line ends and doubled quotes. A record ends with LF, CRLF or CR, or with the file.
/// - A byte-order mark at the start, and lines that are empty, are passed over.
/// - What is not CSV costs its own record only: reading goes on at the next line end.
struct CSVParser {
    /// One record, or why it cannot be read.
    struct Record: Hashable {
        /// The line on which it begins, from 1.
        let line: Int
        let content: Result<[String], Fault>
    }

    enum Fault: String, Error, Hashable {
        case tooLong = "is longer than 64 KiB"
        case quoteInField = "has a quote inside a field that does not begin with one"
        case textAfterQuote = "has text after the closing quote of a field"
        case quoteNotClosed = "has a quote that is not closed before the file ends"
        case invalidUTF8 = "is not valid UTF-8"
    }

    /// Bytes that are kept of one record; a product with the longest description and fifty attributes fits.
    static let longestRecord = 64 << 10

    private enum State {
        case fieldStart, unquoted, quoted
        /// After a quote in a quoted field: the end of the field, or the first of two.
        case quoteInQuoted
        /// After a fault, until the line ends.
        case skipping(Fault)
    }

    private var state = State.fieldStart
    /// The bytes of the record's fields, one after the other, and where each ends.
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    private var size = 0
    /// A field of the record began with a quote: then even an empty record is one.
    private var hasQuotes = false
    private var line = 1
    private var recordLine = 1
    private var afterCR = false
    private var markBytes = 0
    private var isAtStart = true

    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// - Returns: the records that these bytes complete.
    mutating func consume(_ input: some Sequence<UInt8>) -> [Record] {
        var records: [Record] = []
        for byte in input {
            if isAtStart {
                if byte == Self.mark[markBytes] {
                    markBytes += 1
                    if markBytes == Self.mark.count { isAtStart = false }
                    continue
                }
                isAtStart = false
                // It only began like a mark.
                for byte in Self.mark.prefix(markBytes) { take(byte, &records) }
            }
            take(byte, &records)
        }
        return records
    }

    /// The file has ended.
    /// - Returns: the record that it ends with, if its last line has no end.
    mutating func finish() -> [Record] {
        var records: [Record] = []
        if isAtStart {
            isAtStart = false
            if markBytes < Self.mark.count { for byte in Self.mark.prefix(markBytes) { take(byte, &records) } }
        }
        if case .quoted = state { state = .skipping(.quoteNotClosed) }
        endRecord(&records)
        return records
    }

    private mutating func take(_ byte: UInt8, _ records: inout [Record]) {
        let isSecondOfCRLF = afterCR && byte == 0x0A
        afterCR = byte == 0x0D
        if byte == 0x0D || byte == 0x0A, !isSecondOfCRLF { line += 1 }
        let endsRecord: Bool
        if case .quoted = state { endsRecord = false } else { endsRecord = byte == 0x0D || byte == 0x0A }
        if endsRecord {
            if isSecondOfCRLF {
                // The CR ended it already.
                recordLine = line
            } else {
                endRecord(&records)
            }
            return
        }
        size += 1
        if size > Self.longestRecord {
            if case .skipping = state {} else { fail(.tooLong) }
        }
        switch (state, byte) {
        case (.skipping, _): break
        case (.fieldStart, UInt8(ascii: "\"")):
            hasQuotes = true
            state = .quoted
        case (.quoted, UInt8(ascii: "\"")): state = .quoteInQuoted
        case (.quoted, _): bytes.append(byte)
        case (.quoteInQuoted, UInt8(ascii: "\"")):
            bytes.append(byte)
            state = .quoted
        case (_, UInt8(ascii: ",")):
            ends.append(bytes.count)
            state = .fieldStart
        case (.quoteInQuoted, _): fail(.textAfterQuote)
        case (.unquoted, UInt8(ascii: "\"")): fail(.quoteInField)
        case (.fieldStart, _), (.unquoted, _):
            bytes.append(byte)
            state = .unquoted
        }
    }

    private mutating func fail(_ fault: Fault) {
        state = .skipping(fault)
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    private mutating func endRecord(_ records: inout [Record]) {
        if case .skipping(let fault) = state {
            records.append(Record(line: recordLine, content: .failure(fault)))
        } else if !bytes.isEmpty || !ends.isEmpty || hasQuotes {
            ends.append(bytes.count)
            records.append(Record(line: recordLine, content: fields()))
        }
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        size = 0
        hasQuotes = false
        state = .fieldStart
        recordLine = line
    }

    private func fields() -> Result<[String], Fault> {
        var fields: [String] = []
        fields.reserveCapacity(ends.count)
        var start = 0
        for end in ends {
            guard let field = String(validating: bytes[start..<end], as: UTF8.self) else { return .failure(.invalidUTF8) }
            fields.append(field)
            start = end
        }
        return .success(fields)
    }
}
