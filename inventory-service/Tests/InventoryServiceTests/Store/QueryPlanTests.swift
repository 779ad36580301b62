import Basics
import Database
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

@Suite("What the store looks for, it finds by an index")
struct QueryPlanTests {
    static let id = Identifier(high: 1, low: 1)

    @Test(
        "products named by id, by SKU or by both are never found by reading them all",
        arguments: Engine.allCases, [[.id(id)], [.sku("PEN-1")], [.id(id), .sku("PEN-1")], (0..<100).map { .sku("PEN-\($0)") }] as [[ProductKey]])
    func named(_ engine: Engine, _ keys: [ProductKey]) async throws {
        try await Self.expectIndexes(engine, ["products_pkey", "products_by_sku", "stock_pkey", "autoindex_products", "PRIMARY KEY"]) { store in
            _ = try await store.stocks(keys, toChange: true)
            _ = try await store.products(keys)
        }
    }

    @Test("one product is found by its id, and by its SKU", arguments: Engine.allCases)
    func product(_ engine: Engine) async throws {
        try await Self.expectIndexes(engine, ["products_pkey", "autoindex_products"]) { _ = try await $0.product(.id(Self.id)) }
        try await Self.expectIndexes(engine, ["products_by_sku"]) { _ = try await $0.product(.sku("PEN-1")) }
        try await Self.expectIndexes(engine, ["products_by_sku"]) { _ = try await $0.known(["PEN-1", "PEN-2"], toChange: true) }
    }

    @Test("a page of the catalogue is read from where it begins, in the order of SKUs", arguments: Engine.allCases)
    func page(_ engine: Engine) async throws {
        try await Self.expectIndexes(engine, ["products_by_sku"], sorted: true) { _ = try await $0.products(.init(), after: "PEN-1", limit: 50) }
    }

    @Test("a page of a category is read from where it begins, in the order of SKUs", arguments: Engine.allCases)
    func category(_ engine: Engine) async throws {
        try await Self.expectIndexes(engine, ["products_by_category"], sorted: true) {
            _ = try await $0.products(.init(category: "desk"), after: "PEN-1", limit: 50)
        }
    }

    @Test("a text of three letters and more is found by its pieces", arguments: Engine.allCases)
    func search(_ engine: Engine) async throws {
        try await Self.expectIndexes(
            engine, ["products_by_text", "t VIRTUAL TABLE INDEX 0:M", "autoindex_products", "n USING INTEGER PRIMARY KEY"]
        ) { _ = try await $0.products(.init(search: "bl\u{FC}e p\u{E9}n"), after: nil, limit: 50) }
    }

    @Test("a shorter text, and one that has no word, is looked for in the order of SKUs until the page is full", arguments: Engine.allCases)
    func shortSearch(_ engine: Engine) async throws {
        for text in ["b", "be"] + (engine == .postgres ? ["%-%", "a-b c"] : []) {
            try await Self.expectIndexes(engine, ["products_by_sku"], sorted: true) {
                _ = try await $0.products(.init(search: text), after: "PEN-1", limit: 50)
            }
        }
    }

    @Test("products low on stock are looked for in the order of SKUs until the page is full", arguments: Engine.allCases)
    func lowStock(_ engine: Engine) async throws {
        try await Self.expectIndexes(engine, ["products_by_sku", "stock_pkey", "s USING PRIMARY KEY"], sorted: true) {
            _ = try await $0.lowStock(after: "PEN-1", limit: 50)
        }
    }

    @Test("a reservation is found by its id, with its lines", arguments: Engine.allCases)
    func reservation(_ engine: Engine) async throws {
        try await Self.expectIndexes(engine, ["reservations_pkey", "reservation_lines_pkey", "PRIMARY KEY"], sorted: engine == .sqlite) {
            _ = try await $0.reservation(Self.id, toChange: true)
        }
    }

    @Test("reservations whose time is over are found by it", arguments: Engine.allCases)
    func due(_ engine: Engine) async throws {
        try await Self.expectIndexes(engine, ["reservations_due"], sorted: true) { store in
            _ = try await store.hasDueReservations(at: Timestamp(microseconds: 0))
            _ = try await store.dueReservations(at: Timestamp(microseconds: 0), limit: 200)
        }
    }

    @Test("a page of a product's ledger, and of the whole, is read from where it begins, in either direction", arguments: Engine.allCases)
    func ledger(_ engine: Engine) async throws {
        let names = ["stock_movements_by_product", "stock_movements_pkey", "INTEGER PRIMARY KEY", "products_pkey", "autoindex_products"]
        try await Self.expectIndexes(engine, names, sorted: true) { store in
            for product in [Self.id, nil] {
                _ = try await store.newestMovement(of: product)
                _ = try await store.movements(of: product, before: 9, limit: 50)
                _ = try await store.movements(of: product, after: 9, upTo: 99, limit: 50)
            }
        }
    }

    /// Expects that the statements of `work` read no table but by these indexes.
    /// - Parameter sorted: they give the order too, so that a page costs what it holds.
    private static func expectIndexes(
        _ engine: Engine, _ names: [String], sorted: Bool = false, sourceLocation: SourceLocation = #_sourceLocation,
        _ work: (Store) async throws -> Void
    ) async throws {
        let database = try await LargeStore.shared.database(engine)
        let recorder = StatementRecorder(database)
        try await work(Store(recorder))
        #expect(!recorder.statements.isEmpty, sourceLocation: sourceLocation)
        for statement in recorder.statements {
            for step in try await plan(statement, database) {
                switch engine {
                case .sqlite:
                    if step.hasPrefix("SCAN") || step.hasPrefix("SEARCH") {
                        // The highest sequence needs no index by name: it is where the table ends.
                        #expect(
                            step == "SEARCH stock_movements" || names.contains { step.contains($0) }, "\(step) in \(statement)",
                            sourceLocation: sourceLocation)
                    }
                    #expect(!sorted || !step.contains("TEMP B-TREE"), "\(step) in \(statement)", sourceLocation: sourceLocation)
                case .postgres:
                    #expect(!step.contains("Seq Scan"), "\(step) in \(statement)", sourceLocation: sourceLocation)
                    if step.contains("Scan using") || step.contains("Index Scan on") {
                        #expect(names.contains { step.contains($0) }, "\(step) in \(statement)", sourceLocation: sourceLocation)
                    }
                    #expect(!sorted || !step.contains("Sort"), "\(step) in \(statement)", sourceLocation: sourceLocation)
                }
            }
        }
    }

    private static func plan(_ statement: SQL, _ database: any Database) async throws -> [String] {
        switch database.dialect {
        case .sqlite: try await database.query("EXPLAIN QUERY PLAN \(statement)").map { try $0.decode("detail") }
        case .postgres:
            try await database.withTransaction { transaction in
                // As for tables in memory. The planner takes a disk for what it was in 1996, and would read tables of this size in one go.
                try await transaction.execute("SET LOCAL random_page_cost = 1.1")
                return try await transaction.query("EXPLAIN \(statement)").map { try $0.decode(0) }
            }
        }
    }
}

/// One store for all of these tests. PostgreSQL plans by what there is, so there it has so many rows that reading them all is no choice.
private actor LargeStore {
    static let shared = LargeStore()

    private var warehouses: [Engine: Task<Warehouse, any Error>] = [:]

    func database(_ engine: Engine) async throws -> any Database {
        let task =
            warehouses[engine]
            ?? Task {
                let warehouse = try await Warehouse(engine)
                if engine == .postgres { try await Self.fill(warehouse.database) }
                return warehouse
            }
        warehouses[engine] = task
        return try await task.value.database
    }

    private static func fill(_ database: any Database) async throws {
        try await database.execute(
            """
            INSERT INTO products
            SELECT gen_random_uuid(), 'PEN-' || n, 'Pen ' || md5(n::text), md5((n + 1)::text) || ' ' || md5((n + 2)::text), 'category-' || n % 50, '{}',
                10, 1, now(), now(), NULL FROM generate_series(1, 20000) AS n
            """)
        try await database.execute("INSERT INTO stock SELECT id, 100, 0 FROM products")
        try await database.execute(
            """
            INSERT INTO stock_movements (product_id, kind, quantity, actor, at)
            SELECT id, 'receipt', 50, 'olivia', now() FROM products, generate_series(1, 2)
            """)
        try await database.execute(
            """
            INSERT INTO reservations
            SELECT gen_random_uuid(), CASE n % 100 WHEN 0 THEN 'held' ELSE 'sold' END, id, 900, now(), now(), now()
            FROM products, generate_series(1, 1) AS n
            """)
        try await database.execute("INSERT INTO reservation_lines SELECT r.id, 0, r.order_id, 'PEN-1', 1 FROM reservations r")
        for table in ["products", "stock", "stock_movements", "reservations", "reservation_lines"] {
            try await database.execute("ANALYZE \(raw: table)")
        }
    }
}
