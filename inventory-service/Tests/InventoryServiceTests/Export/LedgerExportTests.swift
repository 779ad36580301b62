import Basics
import Database
import HTTPTypes
import Hummingbird
import InventoryAPI
import NIOCore
import TestKit
import Testing

@testable import InventoryService

@Suite("An export of the ledger")
struct LedgerExportTests {
    private static func warehouse(_ engine: Engine, entries: Int) async throws -> Warehouse {
        let warehouse = try await Warehouse(engine)
        let pen = try await warehouse.add("PEN-1")
        try await warehouse.add("INK-1", stock: 5)
        try await fill(warehouse, pen, entries)
        return warehouse
    }

    private static func fill(_ warehouse: Warehouse, _ product: Product, _ count: Int) async throws {
        let (id, now) = (product.id, warehouse.clock.now)
        try await warehouse.database.withTransaction { transaction in
            let entries = (0..<count).map { index in
                Store.NewMovement(productID: id, kind: .receipt, quantity: Int64(index + 1), actor: "olivia", at: now)
            }
            try await Store(transaction).append(entries)
        }
    }

    private static func export(_ warehouse: Warehouse, of key: ProductKey?, _ format: LedgerFormat = .csv) async throws -> LedgerExport {
        try await warehouse.stockroom.export(of: key, as: format, pageTimeout: .seconds(60))
    }

    private static func lines(_ export: LedgerExport) async throws -> [String] {
        var text = ""
        for try await chunk in export { text += String(buffer: chunk) }
        return text.split(separator: text.contains("\r\n") ? "\r\n" : "\n").map(String.init)
    }

    @Test("has every entry once, oldest first, however many pages that is", arguments: Engine.allCases, [0, 1, 499, 500, 501, 1000, 1203])
    func whole(_ engine: Engine, _ count: Int) async throws {
        let warehouse = try await Self.warehouse(engine, entries: count)
        let lines = try await Self.lines(try await Self.export(warehouse, of: .sku("PEN-1")))
        #expect(lines.count == count + 1)
        #expect(lines.dropFirst().map { $0.split(separator: ",")[5] } == (0..<count).map { "\($0 + 1)" })
        let all = try await Self.lines(try await Self.export(warehouse, of: nil, .ndjson))
        #expect(all.count == count + 1)
        #expect(all.first?.contains("INK-1") == true)
    }

    @Test("of an empty ledger is a line of names in CSV, and nothing in NDJSON", arguments: Engine.allCases)
    func empty(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        #expect(try await Self.lines(try await Self.export(warehouse, of: nil, .csv)).count == 1)
        #expect(try await Self.lines(try await Self.export(warehouse, of: nil, .ndjson)) == [])
        #expect(try await refusal { try await Self.export(warehouse, of: .sku("NONE-1")) } == "product_not_found")
    }

    @Test("ends with the newest entry that was there when it began, whatever is written meanwhile", arguments: Engine.allCases)
    func end(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine, entries: 600)
        let pen = try await warehouse.catalogue.product(.sku("PEN-1"))
        var rows = -1
        for try await chunk in try await Self.export(warehouse, of: .id(pen.id)) {
            rows += String(buffer: chunk).split(separator: "\r\n").count
            try await Self.fill(warehouse, pen, 600)
        }
        #expect(rows == 600)
    }

    @Test("reads a page only when it is asked for one, and none for a reader that has gone")
    func lazy() async throws {
        let warehouse = try await Self.warehouse(.sqlite, entries: 2000)
        let recorder = StatementRecorder(warehouse.database)
        var iterator = try await LedgerExport(Store(recorder), of: nil, as: .csv, pageTimeout: .seconds(60)).makeAsyncIterator()
        let before = recorder.statements.count
        _ = try await iterator.next()
        #expect(recorder.statements.count == before, "the first page was read with the head of the answer")
        for page in 1...2 {
            _ = try await iterator.next()
            #expect(recorder.statements.count == before + page)
        }
    }

    @Test("a reader that goes away ends it")
    func readerGone() async throws {
        let warehouse = try await Self.warehouse(.sqlite, entries: 3000)
        let recorder = StatementRecorder(warehouse.database)
        let export = try await LedgerExport(Store(recorder), of: nil, as: .csv, pageTimeout: .seconds(60))
        let before = recorder.statements.count
        await #expect(throws: ReaderGone.self) { try await ResponseBody(export).write(LeavingReader(chunks: 2)) }
        #expect(recorder.statements.count == before + 2, "two pages were read after the first, and no more when the reader had gone")
    }

    private struct ReaderGone: Error {}

    /// Takes so many chunks, and then it has gone.
    private struct LeavingReader: ResponseBodyWriter {
        var chunks: Int

        mutating func write(_ buffer: ByteBuffer) async throws {
            chunks -= 1
            if chunks < 0 { throw ReaderGone() }
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
