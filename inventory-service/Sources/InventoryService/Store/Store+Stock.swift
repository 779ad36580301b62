import Basics
import Database
import InventoryAPI

extension Store {
    /// What changes of one product's stock.
    struct StockChange: Hashable, Sendable {
        var onHand: Int64 = 0
        var reserved: Int64 = 0
    }

    /// A ledger entry that is not written yet.
    struct NewMovement: Hashable, Sendable {
        var productID: Identifier
        var kind: StockMovement.Kind
        var quantity: Int64
        var reservationID: Identifier?
        var reason: String?
        var note: String?
        var actor: String
        var at: Timestamp
    }

    /// - Parameter toChange: the row is locked until the transaction ends.
    func stock(_ key: ProductKey, toChange: Bool = false) async throws -> Stock? {
        try await stocks([key], toChange: toChange).first
    }

    /// The stock of several products, locked in the order of their ids, so that no two transactions wait for each other.
    func stocks(_ keys: [ProductKey], toChange: Bool) async throws -> [Stock] {
        let lock = toChange ? Self.forUpdate(of: "s") : SQL()
        return try await runner.query(
            """
            SELECT p.id, p.sku, p.reorder_point, s.on_hand, s.reserved FROM products p JOIN stock s ON s.product_id = p.id
            WHERE \(Self.named(keys)) AND p.archived_at IS NULL ORDER BY p.id\(lock)
            """
        ).map { row in
            Stock(
                productID: try row.decode("id"), sku: try row.decode("sku"), onHand: try row.decode("on_hand"), reserved: try row.decode("reserved"),
                reorderPoint: try row.decode("reorder_point"))
        }
    }

    /// Locks the stock of products, archived ones too, before it is changed; nothing to do where there is one writer.
    func lockStock(_ products: [Identifier]) async throws {
        guard runner.dialect == .postgres else { return }
        try await runner.query(
            "SELECT s.product_id FROM stock s WHERE s.product_id IN \(list: products) ORDER BY s.product_id\(Self.forUpdate(of: "s"))")
    }

    /// Changes the stock of locked products. The table refuses what would break `0 <= reserved <= onHand`.
    func change(_ changes: [Identifier: StockChange]) async throws {
        for chunk in changes.sorted(by: { $0.key < $1.key }).chunks(of: Self.rowsPerStatement) {
            let onHand = chunk.map { id, change -> SQL in "WHEN \(id) THEN \(change.onHand)" }
            let reserved = chunk.map { id, change -> SQL in "WHEN \(id) THEN \(change.reserved)" }
            let count = try await runner.execute(
                """
                UPDATE stock SET on_hand = on_hand + CASE product_id \(onHand.joined(separator: " ")) END,
                    reserved = reserved + CASE product_id \(reserved.joined(separator: " ")) END
                WHERE product_id IN \(list: chunk.map(\.key))
                """)
            guard count == chunk.count else { throw StoredValueError(what: "stock") }
        }
    }

    /// Adds entries to the ledger; nothing ever changes or removes one.
    func append(_ movements: [NewMovement]) async throws {
        for chunk in movements.chunks(of: Self.rowsPerStatement) {
            let rows = chunk.map { entry -> SQL in
                """
                (\(entry.productID), \(entry.kind.rawValue), \(entry.quantity), \(entry.reservationID), \(entry.reason), \(entry.note), \
                \(entry.actor), \(entry.at))
                """
            }
            try await runner.execute(
                """
                INSERT INTO stock_movements (product_id, kind, quantity, reservation_id, reason, note, actor, at)
                VALUES \(rows.joined(separator: ", "))
                """)
        }
    }

    /// The product that a reader of the ledger means: archived ones are still there by their id.
    func productID(_ key: ProductKey) async throws -> Identifier? {
        let condition: SQL =
            switch key {
            case .id(let id): "id = \(id)"
            case .sku(let sku): "sku = \(sku) AND archived_at IS NULL"
            }
        return try await runner.query("SELECT id FROM products WHERE \(condition)").first?.decode("id")
    }

    /// Newest first.
    /// - Parameter before: the sequence that the page before ended with.
    func movements(of product: Identifier?, before: Int64?, limit: Int) async throws -> Slice<StockMovement> {
        var conditions: [SQL] = []
        if let product { conditions.append("m.product_id = \(product)") }
        if let before { conditions.append("m.sequence < \(before)") }
        let condition: SQL = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        let rows = try await runner.query(
            """
            SELECT m.sequence, m.product_id, p.sku, m.kind, m.quantity, m.reservation_id, m.reason, m.note, m.actor, m.at
            FROM stock_movements m JOIN products p ON p.id = m.product_id \(condition) ORDER BY m.sequence DESC LIMIT \(limit + 1)
            """)
        return Slice(
            try rows.map { row in
                guard let kind = StockMovement.Kind(rawValue: try row.decode("kind")) else { throw StoredValueError(what: "kind of movement") }
                return StockMovement(
                    sequence: try row.decode("sequence"), productID: try row.decode("product_id"), sku: try row.decode("sku"), kind: kind,
                    quantity: try row.decode("quantity"), reservationID: try row.decode("reservation_id"), reason: try row.decode("reason"),
                    note: try row.decode("note"), actor: try row.decode("actor"), at: try row.decode("at"))
            }, limit: limit)
    }
}
