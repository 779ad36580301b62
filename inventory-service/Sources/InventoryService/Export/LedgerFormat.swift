import Basics
import HTTPPath
import InventoryAPI
import NIOCore

/// How the ledger is written as a text: one line an entry, UTF-8.
enum LedgerFormat: String, CaseIterable, Sendable {
    /// JSON objects, as in the pages of the ledger; each line ends in a line feed.
    case ndjson = "application/x-ndjson"
    /// RFC 4180, with a line of column names.
    case csv = "text/csv"

    var contentType: String {
        switch self {
        case .ndjson: rawValue
        case .csv: "\(rawValue); charset=utf-8; header=present"
        }
    }

    var fileName: String {
        switch self {
        case .ndjson: "stock-movements.ndjson"
        case .csv: "stock-movements.csv"
        }
    }

    func writeHeader(to buffer: inout ByteBuffer) {
        if self == .csv { buffer.writeStaticString("sequence,at,product_id,sku,kind,quantity,reservation_id,reason,note,actor\r\n") }
    }

    func write(_ entry: StockMovement, to buffer: inout ByteBuffer) {
        switch self {
        case .ndjson:
            var writer = JSONWriter(buffer: buffer)
            // Else the buffer would be copied for each line.
            buffer = ByteBuffer()
            entry.write(to: &writer)
            buffer = writer.buffer
            buffer.writeInteger(UInt8(ascii: "\n"))
        case .csv:
            let fields = [
                String(entry.sequence), entry.at.description, entry.productID.description, entry.sku, entry.kind.rawValue, String(entry.quantity),
                entry.reservationID?.description ?? "", entry.reason ?? "", CSVField.text(entry.note ?? ""), CSVField.text(entry.actor),
            ]
            for (index, field) in fields.enumerated() {
                if index > 0 { buffer.writeInteger(UInt8(ascii: ",")) }
                CSVField.write(field, to: &buffer)
            }
            buffer.writeStaticString("\r\n")
        }
    }
}

/// Fields of a CSV file that people open in a spreadsheet.
enum CSVField {
    /// A text that somebody typed, so that no spreadsheet takes it for a formula (OWASP, "CSV injection"): one that begins as a formula
    /// might, or with the apostrophe that says so, gets an apostrophe before it. A reader that wants the text as it was takes one
    /// apostrophe at the beginning away. Numbers, ids and words of the service's own are never touched.
    static func text(_ text: String) -> String {
        switch text.unicodeScalars.first {
        case "=", "+", "-", "@", "\t", "\r", "\n", "'", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}": "'" + text
        default: text
        }
    }

    /// In quotes where RFC 4180 asks for them, and where a space at an end could get lost.
    static func write(_ field: String, to buffer: inout ByteBuffer) {
        let needsQuotes =
            field.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 0x0A || $0 == 0x0D }
            || field.utf8.first == 0x20 || field.utf8.last == 0x20
        guard needsQuotes else {
            buffer.writeString(field)
            return
        }
        buffer.writeInteger(UInt8(ascii: "\""))
        buffer.writeString(field.replacing("\"", with: "\"\""))
        buffer.writeInteger(UInt8(ascii: "\""))
    }
}
