import Basics
import HTTPPath
import InventoryAPI
import ServiceKit
import TestKit
import Testing

@testable import InventoryService

@Suite("The catalogue")
struct CatalogueTests {
    @Test("a product is found by its id and by its SKU, as it was created", arguments: Engine.allCases)
    func found(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let created = try await warehouse.add("PEN-1", reorderPoint: 4)
        #expect(created.version == 1)
        #expect(try await warehouse.catalogue.product(.id(created.id)) == created)
        #expect(try await warehouse.catalogue.product(.sku("PEN-1")) == created)
        #expect(try await refusal { try await warehouse.catalogue.product(.sku("PEN-2")) } == "product_not_found")
    }

    @Test("a SKU belongs to one product", arguments: Engine.allCases)
    func unique(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1")
        let before = try await warehouse.rowCounts()
        #expect(try await refusal { try await warehouse.add("PEN-1") } == "sku_taken")
        #expect(try await warehouse.rowCounts() == before)
    }

    @Test("a change counts a version, and no change does not", arguments: Engine.allCases)
    func versions(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let product = try await warehouse.add("PEN-1")
        warehouse.clock.advance(by: .seconds(60))
        let changed = try await warehouse.catalogue.change(.sku("PEN-1"), versions: [1]) { $0.name = "Biro" }
        #expect(changed.version == 2 && changed.name == "Biro")
        #expect(changed.createdAt == product.createdAt && changed.updatedAt == product.updatedAt + .seconds(60))
        #expect(try await warehouse.catalogue.product(.id(product.id)) == changed)
        #expect(try await warehouse.catalogue.change(.sku("PEN-1"), versions: nil) { $0.name = "Biro" } == changed)
    }

    @Test("a change of something else than what was read is refused", arguments: Engine.allCases)
    func lostUpdate(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1")
        _ = try await warehouse.catalogue.change(.sku("PEN-1"), versions: [1]) { $0.name = "Biro" }
        let problem = await #expect(throws: Problem.self) {
            try await warehouse.catalogue.change(.sku("PEN-1"), versions: [1]) { $0.name = "Quill" }
        }
        #expect(problem?.status == 412)
        #expect(try await warehouse.catalogue.product(.sku("PEN-1")).name == "Biro")
    }

    @Test("of two changes of the same version one wins", arguments: Engine.allCases)
    func race(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1")
        let catalogue = warehouse.catalogue
        let wins = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<10 {
                group.addTask { (try? await catalogue.change(.sku("PEN-1"), versions: [1]) { $0.name = "Pen \(index)" }) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1)
        #expect(try await catalogue.product(.sku("PEN-1")).version == 2)
    }

    @Test("a list is walked in the order of SKUs, each product once, also while others are added", arguments: Engine.allCases)
    func pages(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        for number in [5, 3, 1, 4, 2] { try await warehouse.add("PEN-\(number)") }
        var seen: [String] = []
        var after: String?
        repeat {
            let page = try await warehouse.catalogue.list(.init(), after: after, limit: 2)
            seen += page.items.map(\.sku)
            after = page.hasMore ? page.items.last?.sku : nil
            if seen.count == 2 { try await warehouse.add("PEN-0") }
        } while after != nil
        #expect(seen == ["PEN-1", "PEN-2", "PEN-3", "PEN-4", "PEN-5"])
    }

    @Test("a list is narrowed by category, by text whatever its case, and by what is in stock", arguments: Engine.allCases)
    func filters(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1", stock: 1)
        try await warehouse.add("INK-1", category: "fluids")
        try await warehouse.add("INK-2", stock: 1, category: "fluids")
        func skus(_ filter: Store.ProductFilter) async throws -> [String] {
            try await warehouse.catalogue.list(filter, after: nil, limit: 50).items.map(\.sku)
        }
        #expect(try await skus(.init(category: "fluids")) == ["INK-1", "INK-2"])
        #expect(try await skus(.init(search: "the ink")) == ["INK-1", "INK-2"])
        #expect(try await skus(.init(inStock: true)) == ["INK-2", "PEN-1"])
        #expect(try await skus(.init(inStock: false)) == ["INK-1"])
        #expect(try await skus(.init(category: "fluids", search: "2", inStock: true)) == ["INK-2"])
        try await warehouse.reserve(warehouse.newID(), ["PEN-1": 1])
        #expect(try await skus(.init(inStock: true)) == ["INK-2"], "what is reserved is not in stock")
    }

    @Test("a text that is looked for has no wildcards", arguments: Engine.allCases, ["%", "_", "\\", "100%_\\"])
    func wildcards(_ engine: Engine, _ text: String) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1")
        try await warehouse.add("PEN-2")
        _ = try await warehouse.catalogue.change(.sku("PEN-2"), versions: nil) { $0.description = "about 100%_\\ blue" }
        let found = try await warehouse.catalogue.list(.init(search: text), after: nil, limit: 50).items.map(\.sku)
        #expect(found == ["PEN-2"])
    }

    @Test("a batch keeps the order asked for, and names what is missing", arguments: Engine.allCases)
    func batch(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let pen = try await warehouse.add("PEN-1")
        let ink = try await warehouse.add("INK-1")
        let unknown = warehouse.newID().description
        let asked = ["PEN-1", unknown, ink.id.description.uppercased(), "NONE-1", pen.id.description]
        let batch = try await warehouse.catalogue.batch(asked.map { ($0, ProductKey($0)!) })
        #expect(batch.items == [pen, ink, pen])
        #expect(batch.missing == [unknown, "NONE-1"])
    }

    @Test(
        "an archived product is gone for everyone, and created again under its SKU it is back with its id, stock and ledger",
        arguments: Engine.allCases)
    func archived(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let product = try await warehouse.add("PEN-1", stock: 3)
        try await warehouse.catalogue.archive(.sku("PEN-1"), versions: [1])
        let keys: [ProductKey] = [.sku("PEN-1"), .id(product.id)]
        for key in keys {
            #expect(try await refusal { try await warehouse.catalogue.product(key) } == "product_not_found")
            #expect(try await refusal { try await warehouse.stockroom.stock(key) } == "product_not_found")
            #expect(try await refusal { try await warehouse.catalogue.archive(key, versions: nil) } == "product_not_found")
        }
        #expect(try await warehouse.catalogue.list(.init(), after: nil, limit: 50).items.isEmpty)
        #expect(try await warehouse.catalogue.lowStock(after: nil, limit: 50).items.isEmpty)
        #expect(try await warehouse.catalogue.batch([("PEN-1", .sku("PEN-1"))]).missing == ["PEN-1"])
        #expect(try await warehouse.stockroom.movements(of: .id(product.id), before: nil, limit: 50).items.map(\.kind) == [.receipt])
        let again = try await warehouse.add("PEN-1")
        #expect(again.id == product.id)
        #expect(again.version == product.version + 1)
        #expect(try await warehouse.stock("PEN-1").onHand == 3)
    }

    @Test("a product of which pieces are reserved cannot be archived, and a sold one comes back to it afterwards", arguments: Engine.allCases)
    func inUse(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let product = try await warehouse.add("PEN-1", stock: 3)
        let id = warehouse.newID()
        try await warehouse.reserve(id, ["PEN-1": 1])
        #expect(try await refusal { try await warehouse.catalogue.archive(.sku("PEN-1"), versions: nil) } == "product_in_use")
        try await warehouse.call(.confirm, id)
        try await warehouse.catalogue.archive(.id(product.id), versions: nil)
        #expect(try await warehouse.call(.restock, id).state == .returned)
        try await warehouse.expectBooksBalance()
    }

    @Test("a product is low on stock when no more than its reorder point is available", arguments: Engine.allCases)
    func lowStock(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1", stock: 6, reorderPoint: 5)
        try await warehouse.add("PEN-2", stock: 5, reorderPoint: 5)
        try await warehouse.add("PEN-3", stock: 0, reorderPoint: 0)
        func skus() async throws -> [String] { try await warehouse.catalogue.lowStock(after: nil, limit: 50).items.map(\.product.sku) }
        #expect(try await skus() == ["PEN-2", "PEN-3"])
        try await warehouse.reserve(warehouse.newID(), ["PEN-1": 1])
        #expect(try await skus() == ["PEN-1", "PEN-2", "PEN-3"])
        let page = try await warehouse.catalogue.lowStock(after: "PEN-1", limit: 1)
        #expect(page.items.map(\.stock.available) == [5] && page.hasMore)
    }

    @Test("of many that create the same SKU at once, one does", arguments: Engine.allCases, [false, true])
    func createStorm(_ engine: Engine, _ wasThere: Bool) async throws {
        let warehouse = try await Warehouse(engine, connections: 8, attempts: 1)
        if wasThere {
            try await warehouse.add("PEN-1", stock: 3)
            try await warehouse.catalogue.archive(.sku("PEN-1"), versions: nil)
        }
        let codes = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<20 { group.addTask { try await refusal { try await warehouse.add("PEN-1") } } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.count { $0 == nil } == 1)
        #expect(codes.count { $0 == "sku_taken" } == 19)
        #expect(try await warehouse.catalogue.product(.sku("PEN-1")).version == (wasThere ? 2 : 1))
    }

    @Test("two replicas that start on an empty store at once plant one sample catalogue", arguments: Engine.allCases)
    func seedStorm(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine, attempts: 1)
        let (database, sources) = (warehouse.database, warehouse.sources)
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try await Seed.plant(PackageResources.catalogue_csv, in: database, sources) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts.sorted() == [0, 0, 0, 60])
        #expect(try await warehouse.ledger("LAPTOP-001") == ["receipt 42"])
        try await warehouse.expectBooksBalance()
    }
}
