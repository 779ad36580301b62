import Basics
import HTTPPath
import InventoryAPI
import NIOCore
import TestKit
import Testing

@testable import InventoryService

@Suite("An import")
struct ProductImportTests {
    /// Runs an import of a text that comes in pieces of `size` bytes.
    func run(
        _ warehouse: Warehouse, _ text: String, _ format: ImportReader.Format = .csv, dryRun: Bool = false, pieces size: Int = 1000
    ) async throws -> ImportReport {
        let bytes = Array(text.utf8)
        let pieces = AsyncStream<ByteBuffer> { continuation in
            for chunk in bytes.chunks(of: size) { continuation.yield(ByteBuffer(bytes: chunk)) }
            continuation.finish()
        }
        let work = ProductImport(database: warehouse.database, sources: warehouse.sources, actor: "olivia", dryRun: dryRun)
        return try await work.run(format, pieces)
    }

    static let header = "sku,name,category,reorder_point,stock\n"

    @Test("new products are created with their stock, which is their first receipt", arguments: Engine.allCases)
    func create(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let report = try await run(warehouse, Self.header + "PEN-1,Pen,desk,3,10\nINK-1,Ink,desk,,\n")
        #expect(report == ImportReport(dryRun: false, created: 2))
        let pen = try await warehouse.catalogue.product(.sku("PEN-1"))
        #expect(pen.name == "Pen" && pen.category == "desk" && pen.reorderPoint == 3 && pen.version == 1)
        #expect(try await warehouse.stock("PEN-1").onHand == 10)
        #expect(try await warehouse.ledger("PEN-1") == ["receipt 10"])
        #expect(try await warehouse.stockroom.movements(of: nil, before: nil, limit: 1).items.first?.actor == "olivia")
        #expect(try await warehouse.ledger("INK-1") == [])
        try await warehouse.expectBooksBalance()
    }

    @Test("sent again, an import changes nothing", arguments: Engine.allCases)
    func again(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let text = Self.header + "PEN-1,Pen,desk,3,10\nINK-1,Ink,desk,,5\n"
        _ = try await run(warehouse, text)
        let before = try await warehouse.rowCounts()
        #expect(try await run(warehouse, text) == ImportReport(dryRun: false, unchanged: 2))
        #expect(try await warehouse.rowCounts() == before)
        #expect(try await warehouse.catalogue.product(.sku("PEN-1")).version == 1)
    }

    @Test("a product that is there takes what the row mentions, and keeps the rest and its stock", arguments: Engine.allCases)
    func update(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1", stock: 7, reorderPoint: 4)
        _ = try await warehouse.catalogue.change(.sku("PEN-1"), versions: nil) { $0.description = "Blue" }
        let report = try await run(warehouse, "sku,name,category,stock\nPEN-1,Biro,desk,99\n")
        #expect(report == ImportReport(dryRun: false, updated: 1))
        let pen = try await warehouse.catalogue.product(.sku("PEN-1"))
        #expect(pen.name == "Biro" && pen.category == "desk" && pen.description == "Blue" && pen.reorderPoint == 4 && pen.version == 3)
        #expect(try await warehouse.stock("PEN-1").onHand == 7)
    }

    @Test("bad rows are named and the good ones around them written", arguments: Engine.allCases)
    func badRows(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let report = try await run(
            warehouse, Self.header + "PEN-1,Pen,desk,3,10\npen,Pen,desk,3,10\nPEN-2,Pen\nPEN-3,Pen,desk,3,-1\nPEN-4,Pen,desk,3,1\n")
        #expect(report.created == 2 && report.rejected == 3)
        #expect(report.errors.map(\.line) == [3, 4, 5])
        #expect(report.errors.map(\.column) == ["sku", nil, "stock"])
        #expect(try await warehouse.catalogue.list(.init(), after: nil, limit: 9).items.map(\.sku) == ["PEN-1", "PEN-4"])
    }

    @Test("a dry run reports what an import would do, and writes nothing", arguments: Engine.allCases)
    func dryRun(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1")
        let before = try await warehouse.rowCounts()
        let text = Self.header + "PEN-1,Biro,desk,3,10\nPEN-2,Pen,desk,3,10\nx\n"
        let report = try await run(warehouse, text, dryRun: true)
        #expect(report.dryRun && report.created == 1 && report.updated == 1 && report.rejected == 1)
        #expect(try await warehouse.rowCounts() == before)
        var written = try await run(warehouse, text)
        written.dryRun = true
        #expect(written == report)
    }

    @Test("a SKU that comes twice is created once, and then changed", arguments: Engine.allCases, [1, 600])
    func repeated(_ engine: Engine, _ distance: Int) async throws {
        let warehouse = try await Warehouse(engine)
        let between = (1..<distance).map { "FILL-\($0),Filler,desk,,1\n" }.joined()
        let report = try await run(warehouse, Self.header + "PEN-1,Pen,desk,3,10\n" + between + "PEN-1,Biro,desk,3,10\nPEN-1,Biro,desk,3,10\n")
        #expect(report == ImportReport(dryRun: false, created: distance, updated: 1, unchanged: 1))
        #expect(try await warehouse.catalogue.product(.sku("PEN-1")).name == "Biro")
        #expect(try await warehouse.stock("PEN-1").onHand == 10)
        try await warehouse.expectBooksBalance()
    }

    @Test("an import is the same in whatever pieces it comes", arguments: Engine.allCases, [1, 7, 64, 100_000])
    func pieces(_ engine: Engine, _ size: Int) async throws {
        let warehouse = try await Warehouse(engine)
        let rows = (0..<1203).map { "PEN-\($0),\"Pen, \"\"no\"\" \($0)\",desk,,\($0)\r\n" }.joined()
        let report = try await run(warehouse, Self.header + rows, pieces: size)
        #expect(report == ImportReport(dryRun: false, created: 1203))
        #expect(try await warehouse.catalogue.product(.sku("PEN-1202")).name == "Pen, \"no\" 1202")
        try await warehouse.expectBooksBalance()
    }

    @Test("every rejected row is counted, and the first thousand errors are told", arguments: Engine.allCases)
    func manyErrors(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let report = try await run(warehouse, Self.header + String(repeating: "x,Pen,desk,,\n", count: 1500))
        #expect(report.rejected == 1500 && report.errors.count == ImportReport.mostErrors)
        #expect(report.errors.last?.line == 1001)
    }

    @Test("a file without the columns writes nothing", arguments: Engine.allCases)
    func header(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let before = try await warehouse.rowCounts()
        #expect(try await refusal { try await run(warehouse, "sku,title\nPEN-1,Pen\n") } == "invalid_columns")
        #expect(try await warehouse.rowCounts() == before)
    }

    @Test("an import brings an archived product back as the product it was", arguments: Engine.allCases)
    func archived(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let old = try await warehouse.add("PEN-1")
        try await warehouse.catalogue.archive(.sku("PEN-1"), versions: nil)
        #expect(try await run(warehouse, Self.header + "PEN-1,Pen,desk,,2\n").created == 0)
        #expect(try await warehouse.catalogue.product(.sku("PEN-1")).id == old.id)
    }

    @Test("a stream that breaks off leaves whole batches behind, and sent again it is completed", arguments: Engine.allCases)
    func broken(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        struct Broken: Error {}
        let text = Self.header + (0..<700).map { "PEN-\($0),Pen,desk,,1\n" }.joined()
        let pieces = AsyncThrowingStream<ByteBuffer, any Error> { continuation in
            continuation.yield(ByteBuffer(string: text))
            continuation.finish(throwing: Broken())
        }
        let work = ProductImport(database: warehouse.database, sources: warehouse.sources, actor: "olivia", dryRun: false)
        await #expect(throws: Broken.self) { try await work.run(.csv, pieces) }
        #expect(try await run(warehouse, text) == ImportReport(dryRun: false, created: 200, unchanged: 500))
        try await warehouse.expectBooksBalance()
    }

    @Test("the sample catalogue fills an empty store once, under the ids that the pricing service expects", arguments: Engine.allCases)
    func seed(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let count = try await Seed.plant(PackageResources.catalogue_csv, in: warehouse.database, warehouse.sources)
        #expect(count == 60)
        let products = try await warehouse.catalogue.list(.init(), after: nil, limit: 200).items
        #expect(products.count == 60 && Set(products.map(\.category)).count > 1)
        let first = try await warehouse.catalogue.product(.sku("LAPTOP-001"))
        #expect(first.id.description == "01900000-0000-7001-8000-000000000001")
        #expect(try await warehouse.stock("LAPTOP-001").onHand == 42)
        #expect(try await warehouse.ledger("LAPTOP-001") == ["receipt 42"])
        #expect(try await Seed.plant(PackageResources.catalogue_csv, in: warehouse.database, warehouse.sources) == 0)
        try await warehouse.expectBooksBalance()
    }

    @Test("a store that ever had a product is not filled, even if that is gone", arguments: Engine.allCases)
    func seedOnce(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1")
        try await warehouse.catalogue.archive(.sku("PEN-1"), versions: nil)
        #expect(try await Seed.plant(PackageResources.catalogue_csv, in: warehouse.database, warehouse.sources) == 0)
    }

    @Test("of many imports of the same new products at once, in whatever order, each product is created once", arguments: Engine.allCases)
    func storm(_ engine: Engine) async throws {
        // Nothing is run again for a deadlock, so one fails the test.
        let warehouse = try await Warehouse(engine, connections: 8, attempts: 1)
        var random = SplitMix64(seed: 1)
        let texts = (0..<8).map { _ in
            // More than a batch, so that one import has products that another waits for.
            Self.header + (0..<700).shuffled(using: &random).map { "PEN-\($0),Pen,desk,,1\n" }.joined()
        }
        let reports = try await withThrowingTaskGroup(of: ImportReport.self) { group in
            for text in texts { group.addTask { try await run(warehouse, text) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(reports.reduce(0) { $0 + $1.created } == 700)
        #expect(reports.reduce(0) { $0 + $1.unchanged } == 7 * 700)
        #expect(try await warehouse.rowCounts()["stock_movements"] == 700)
        try await warehouse.expectBooksBalance()
    }

    @Test("what would bring an archived product back is told as a change by a dry run too", arguments: Engine.allCases)
    func dryRunOfArchived(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let old = try await warehouse.add("PEN-1", stock: 3)
        try await warehouse.catalogue.archive(.sku("PEN-1"), versions: nil)
        // Once as it was, and then once more: only the first row changes anything.
        let text = "sku,name,category,stock\nPEN-1,The PEN-1,things,9\nPEN-1,The PEN-1,things,9\n"
        let foreseen = try await run(warehouse, text, dryRun: true)
        #expect(foreseen == ImportReport(dryRun: true, updated: 1, unchanged: 1))
        #expect(try await refusal { try await warehouse.catalogue.product(.sku("PEN-1")) } == "product_not_found")
        var done = try await run(warehouse, text)
        done.dryRun = true
        #expect(done == foreseen)
        let back = try await warehouse.catalogue.product(.sku("PEN-1"))
        #expect(back.id == old.id && back.version == old.version + 1)
        #expect(try await warehouse.stock("PEN-1").onHand == 3)
    }
}
