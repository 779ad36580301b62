import Basics
import Database
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

/// The use cases on a store of their own, with a clock that a test moves.
struct Warehouse: Sendable {
    let database: any Database
    let clock = ManualClock()
    private let batches: ReservationBatches?

    /// - Parameters:
    ///   - connections: on PostgreSQL; opened when they are needed.
    ///   - attempts: on PostgreSQL: 1 where a deadlock is to be seen, and not to be run again.
    ///   - batchSize: on PostgreSQL: 1 where each call on a reservation is to be a transaction of its own.
    init(_ engine: Engine, connections: Int = 4, attempts: Int = 5, batchSize: Int = 64) async throws {
        database = try await engine.open(connections: connections, attempts: attempts)
        batches = InventoryApp.batches(of: batchSize, database, clock.sources)
        try await migrate(database, InventoryApp.migrations(), now: clock.sources.now)
    }

    var sources: Sources { clock.sources }
    var store: Store { Store(database) }
    var catalogue: Catalogue { Catalogue(database: database, sources: sources) }
    var stockroom: Stockroom { Stockroom(database: database, sources: sources) }
    var reservations: Reservations { Reservations(database: database, sources: sources, batches: batches) }

    var statistics: (claims: BatcherStatistics, steps: BatcherStatistics)? { batches?.statistics }

    @discardableResult
    func add(_ sku: String, stock: Int64 = 0, reorderPoint: Int64 = 0, category: String = "things") async throws -> Product {
        let draft = ProductDraft(sku: sku, name: "The \(sku)", category: category, reorderPoint: reorderPoint)
        let catalogue = catalogue
        let product = try await database.withTransaction { try await catalogue.create(draft, in: $0) }
        if stock > 0 { try await adjust(sku, stock, .receipt) }
        return product
    }

    @discardableResult
    func adjust(
        _ sku: String, _ delta: Int64, _ reason: StockAdjustment.Reason = .correction, actor: String = "olivia"
    ) async throws -> Stock {
        let stockroom = stockroom
        return try await database.withTransaction {
            try await stockroom.adjust(.sku(sku), StockAdjustment(delta: delta, reason: reason), actor: actor, in: $0)
        }
    }

    /// - Parameter lines: SKUs and pieces.
    @discardableResult
    func reserve(
        _ id: Identifier, _ lines: KeyValuePairs<String, Int64>, order: Identifier = Identifier(high: 7, low: 7), expiresIn: Int64 = 900
    ) async throws -> (Reservation, isNew: Bool) {
        try await reservations.reserve(
            id, ReservationRequest(orderID: order, lines: lines.map { ReservationLine(product: $0, quantity: $1) }, expiresIn: expiresIn),
            actor: "alice")
    }

    @discardableResult
    func call(_ call: ReservationRules.Call, _ id: Identifier) async throws -> Reservation {
        try await reservations.call(call, id, actor: "alice")
    }

    func stock(_ sku: String) async throws -> Stock { try await stockroom.stock(.sku(sku)) }

    /// The kinds of a product's ledger entries, oldest first.
    func ledger(_ sku: String) async throws -> [String] {
        try await stockroom.movements(of: .sku(sku), before: nil, limit: 200).items.reversed().map { "\($0.kind.rawValue) \($0.quantity)" }
    }

    func newID() -> Identifier { clock.sources.makeID() }

    /// Rows of every table, by name: what a refusal must leave as it was.
    func rowCounts() async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        let tables = SQL(
            sqlite: "SELECT name FROM sqlite_schema WHERE type = 'table'",
            postgres: "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()")
        for row in try await database.query(tables) {
            let name: String = try row.decode("name")
            counts[name] = try await database.query("SELECT count(*) AS n FROM \(raw: name)").first?.decode("n")
        }
        return counts
    }

    /// The invariants of the books, looked at from outside in one statement each, so that they hold at one instant.
    func expectBooksBalance(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let rows = try await database.query(
            """
            SELECT s.product_id, s.on_hand, s.reserved,
                coalesce(sum(CASE m.kind WHEN 'receipt' THEN m.quantity WHEN 'adjustment' THEN m.quantity WHEN 'sell' THEN -m.quantity
                    WHEN 'return' THEN m.quantity END), 0) AS ledger_on_hand,
                coalesce(sum(CASE m.kind WHEN 'reserve' THEN m.quantity WHEN 'release' THEN -m.quantity WHEN 'expire' THEN -m.quantity
                    WHEN 'sell' THEN -m.quantity END), 0) AS ledger_reserved,
                (SELECT coalesce(sum(l.quantity), 0) FROM reservation_lines l JOIN reservations r ON r.id = l.reservation_id
                    WHERE l.product_id = s.product_id AND r.state = 'held') AS held
            FROM stock s LEFT JOIN stock_movements m ON m.product_id = s.product_id GROUP BY s.product_id
            """)
        #expect(!rows.isEmpty, "there is nothing to balance", sourceLocation: sourceLocation)
        for row in rows {
            let (onHand, reserved): (Int64, Int64) = (try row.decode("on_hand"), try row.decode("reserved"))
            #expect(0 <= reserved && reserved <= onHand, comment, sourceLocation: sourceLocation)
            #expect(try row.decode("ledger_on_hand") == onHand, comment, sourceLocation: sourceLocation)
            #expect(try row.decode("ledger_reserved") == reserved, comment, sourceLocation: sourceLocation)
            #expect(try row.decode("held") == reserved, comment, sourceLocation: sourceLocation)
        }
    }
}

/// The code a call was refused with; nil if it was not.
func refusal(_ body: () async throws -> some Any) async throws -> String? {
    do {
        _ = try await body()
        return nil
    } catch let refusal as Refusal {
        return refusal.code.description
    }
}
