import HTTPPath
import InventoryAPI
import NIOCore
import PricingAPI
import Testing

@testable import HelloDD

struct ImportTests {
    @Test("bad rows are named by file, line and column in the order of the lines, products' and prices' alike")
    func problems() {
        var outcome = ImportOutcome(products: ImportReport(dryRun: false, created: 49_990, rejected: 2), productsTook: .seconds(2))
        outcome.products.errors = [
            ImportError(line: 17, column: "stock", reason: "must be a whole number"), ImportError(line: 20, column: nil, reason: "has 3 fields"),
        ]
        outcome.prices = PriceSetting.Report(set: 10, rejected: 1, errors: [ImportError(line: 18, column: "currency", reason: "must be\u{1B}[2J")])
        outcome.pricesTook = .seconds(1)
        #expect(
            outcome.problems(file: "a.csv") == [
                "a.csv:17: stock: must be a whole number", "a.csv:18: currency: must be^[[2J", "a.csv:20: has 3 fields",
            ])
        #expect(
            outcome.summary(file: "a.csv", style: .plain) == [
                "imported a.csv: 49,992 rows in 2 s: 49,990 created, 0 updated, 0 unchanged, 2 bad", "prices in 1 s: 10 set, 0 unchanged, 1 bad",
            ])
        #expect(outcome.hasBadRows)
        #expect(outcome.json["prices"]?["errors"]?[0]?["line"] == .integer(18))
    }

    @Test("bad rows that are too many to name are counted")
    func manyProblems() {
        var outcome = ImportOutcome(products: ImportReport(dryRun: true, created: 1, rejected: 3500), productsTook: .seconds(2))
        outcome.products.errors = (1...1000).map { ImportError(line: $0, column: nil, reason: "bad") }
        #expect(outcome.problems(file: "a.csv").last == "… and 2,500 more bad rows")
        #expect(outcome.summary(file: "a.csv", style: .plain)[0].hasPrefix("checked a.csv: 3,501 rows in 2 s: would be 1 created"))
    }

    @Test("the progress of an import tells the share that was sent, the rows and the speed")
    func progress() {
        let half = ImportView.progress(.init(bytes: 500_000, lines: 2_501), of: 1_000_000, after: .seconds(1), style: .plain)
        #expect(half == String(repeating: "█", count: 15) + String(repeating: "░", count: 15) + " 50 %  2,500 rows  500.0 kB/s")
        #expect(ImportView.progress(.init(bytes: 10, lines: 1), of: 10, after: .seconds(1), style: .plain).contains("all sent"))
        #expect(
            ImportView.progress(.init(bytes: 2_000_000, lines: 1_001), of: nil, after: .seconds(2), style: .plain) == "1,000 rows  2.0 MB  1.0 MB/s")
        #expect(ImportView.priceProgress(250, of: 1000, after: .seconds(1), style: .plain).hasSuffix(" 25 %  250 prices  250/s"))
    }

    @Test(
        "a file's kind is told by its name",
        arguments: [("a.CSV", Import.Format.csv), ("b.jsonl", .ndjson), ("c.ndjson", .ndjson), ("-", nil), ("d.txt", nil)])
    func formats(path: String, format: Import.Format?) {
        #expect(Import.Format(path: path) == format)
    }

    @Test("a file is sent whole and in pieces, and its lines are counted on the way")
    func fileBody() async throws {
        let folder = try Files.makeTemporaryFolder()
        defer { Files.removeTree(folder) }
        let content = Array((0..<20_000).map { "line \($0)\n" }.joined().utf8)
        try Files.replace("\(folder)/a.csv", with: content)
        let body = try FileBody(path: "\(folder)/a.csv")
        defer { body.closeFile() }
        var read: [UInt8] = []
        for try await piece in body {
            #expect(piece.readableBytes <= 65_536)
            read += piece.readableBytesView
        }
        #expect(read == content)
        #expect(body.size == Int64(content.count))
        #expect(body.progress.count == .init(bytes: Int64(content.count), lines: 20_000))
        #expect(throws: CommandFailure("cannot read \(folder)/none: No such file or directory")) { try FileBody(path: "\(folder)/none") }
    }

    // MARK: CSV

    @Test("records are the same however the file was cut", arguments: 1...9)
    func records(size: Int) {
        let bytes = [0xEF, 0xBB, 0xBF] + Array("a,b\r\n\"x, \"\"y\"\"\n2nd\",\r\n\n\"\"\rbad\"quote,1\n\"bad\"1,2\nlast,ö".utf8)
        var records = CSVRecords()
        var found: [CSVRecords.Record] = []
        for start in stride(from: 0, to: bytes.count, by: size) { found += records.append(bytes[start..<min(start + size, bytes.count)]) }
        if let last = records.finish() { found.append(last) }
        #expect(
            found == [
                .init(line: 1, fields: ["a", "b"]), .init(line: 2, fields: ["x, \"y\"\n2nd", ""]), .init(line: 5, fields: [""]),
                .init(line: 6, fields: nil),
                .init(line: 7, fields: nil), .init(line: 8, fields: ["last", "ö"]),
            ])
    }

    @Test("a record without end does not fill the memory, and the next is read")
    func endlessRecord() {
        for start in ["", "\""] {
            var records = CSVRecords()
            _ = records.append(Array(start.utf8) + [UInt8](repeating: 65, count: 200_000))
            // Not the records themselves: a failure would print them.
            #expect(records.append(Array("\nok\n".utf8)).map { $0.fields?.count ?? 0 } == [0, 1])
        }
        var records = CSVRecords()
        #expect(records.append(Array("a\"\n".utf8)) == [.init(line: 1, fields: nil)])
        #expect(records.append(Array("\"never closed\n".utf8)) == [])
        #expect(records.finish() == .init(line: 2, fields: nil))
    }

    // MARK: Prices

    private func list(_ format: Import.Format, _ text: String) -> PriceList {
        var list = PriceList(format)
        list.append(Array(text.utf8)[...])
        list.finish()
        return list
    }

    private func usd(_ cents: Int64) -> Money { Money(amountMinor: cents, currency: .usd) }

    @Test("prices are read from their columns, wherever those stand; a row without one has none")
    func csvPrices() {
        let list = list(.csv, "currency,sku,price_minor,name\nUSD,A-1,1999,x\n,A-2,,y\nUSD,A-3,5,z")
        #expect(list.rows == [.init(line: 2, sku: "A-1", price: usd(1999)), .init(line: 4, sku: "A-3", price: usd(5))])
        #expect(list.rejected == 0)
    }

    @Test("a price that cannot be one is named by line and column")
    func badPrices() {
        let list = list(.csv, "sku,price_minor,currency\nA,19.99,USD\nB,-1,USD\nC,5,usd\nD,5,\nE,,USD\nF,7,USD\nG,too,few,or many\n")
        #expect(list.rows == [.init(line: 7, sku: "F", price: usd(7))])
        #expect(list.errors.map(\.line) == [2, 3, 4, 5, 6])
        #expect(list.errors.map(\.column) == ["price_minor", "price_minor", "currency", "currency", "price_minor"])
    }

    @Test("a file without a column of prices has none")
    func noPrices() {
        let list = list(.csv, "sku,name\nA,1999\n")
        #expect(list.rows == [] && list.rejected == 0)
    }

    @Test("prices are read from the objects of NDJSON, and bad lines are left to the shop")
    func ndjsonPrices() {
        let list = list(
            .ndjson,
            """
            {"sku":"A","price":{"amountMinor":1999,"currency":"USD"}}
            {"sku":"B"}
            no json

            {"sku":"C","price":{"amountMinor":"1","currency":"USD"}}
            {"sku":"D","price":{"amountMinor":1,"currency":"XXX"}}
            {"sku":"E","price":{"amountMinor":7,"currency":"USD"}}
            """)
        #expect(list.rows == [.init(line: 1, sku: "A", price: usd(1999)), .init(line: 7, sku: "E", price: usd(7))])
        #expect(list.errors.map(\.line) == [5, 6])
    }
}
