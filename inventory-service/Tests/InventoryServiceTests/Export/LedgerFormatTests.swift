import Basics
import HTTPPath
import InventoryAPI
import NIOCore
import Testing

@testable import InventoryService

@Suite("The ledger as a text")
struct LedgerFormatTests {
    static let entry = StockMovement(
        sequence: 7, productID: Identifier(high: 1, low: 2), sku: "PEN-1", kind: .adjustment, quantity: -3, reason: "damage", note: "wet",
        actor: "olivia", at: Timestamp(microseconds: 1_768_467_600_123_456))

    private static func text(_ entry: StockMovement, _ format: LedgerFormat) -> String {
        var buffer = ByteBuffer()
        format.write(entry, to: &buffer)
        return String(buffer: buffer)
    }

    @Test("CSV has a line of names, and a line for each entry, all ending as RFC 4180 has it")
    func csv() {
        var header = ByteBuffer()
        LedgerFormat.csv.writeHeader(to: &header)
        #expect(String(buffer: header) == "sequence,at,product_id,sku,kind,quantity,reservation_id,reason,note,actor\r\n")
        #expect(
            Self.text(Self.entry, .csv)
                == "7,2026-01-15T09:00:00.123456Z,00000000-0000-0001-0000-000000000002,PEN-1,adjustment,-3,,damage,wet,olivia\r\n")
    }

    @Test(
        "a text that holds what CSV is made of stands in quotes",
        arguments: [
            ("plain", "plain"), ("a,b", "\"a,b\""), ("say \"no\"", "\"say \"\"no\"\"\""), ("two\nlines", "\"two\nlines\""), ("a\r", "\"a\r\""),
            (" padded ", "\" padded \""), ("", ""), ("\u{FC}", "\u{FC}"),
        ])
    func quotes(_ text: String, _ expected: String) {
        var buffer = ByteBuffer()
        CSVField.write(text, to: &buffer)
        #expect(String(buffer: buffer) == expected)
    }

    @Test(
        "what a spreadsheet might take for a formula gets an apostrophe, and so does one that is there already",
        arguments: [
            ("=1+1", "'=1+1"), ("+49 30", "'+49 30"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), ("\r=1", "'\r=1"),
            ("'quoted", "''quoted"), ("\u{FF1D}1", "'\u{FF1D}1"), ("a=1", "a=1"), ("", ""),
        ])
    func formulas(_ text: String, _ expected: String) {
        #expect(CSVField.text(text) == expected)
        var entry = Self.entry
        entry.note = text
        entry.actor = text
        var field = ByteBuffer()
        CSVField.write(expected, to: &field)
        #expect(Self.text(entry, .csv).hasSuffix(",\(String(buffer: field)),\(String(buffer: field))\r\n"))
    }

    @Test("NDJSON has an object a line, as the pages have it")
    func ndjson() {
        #expect(Self.text(Self.entry, .ndjson) == String(buffer: JSONWriter.bytes(Self.entry)) + "\n")
        var buffer = ByteBuffer(string: "before\n")
        LedgerFormat.ndjson.write(Self.entry, to: &buffer)
        LedgerFormat.ndjson.write(Self.entry, to: &buffer)
        #expect(String(buffer: buffer).split(separator: "\n").count == 3)
    }
}
