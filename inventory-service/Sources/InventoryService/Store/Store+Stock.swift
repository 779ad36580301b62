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

    /// The stock of several products, in the order of their ids.
    /// - Parameter toChange: it is locked until the transaction ends.
    func stocks(_ keys: [ProductKey], toChange: Bool) async throws -> [Stock] {
        // A statement of its own: one that locks and reads at once would, after a wait, answer from the product's row as it was before.
        if toChange, runner.dialect == .postgres {
            try await runner.query(
                """
                SELECT s.product_id FROM stock s JOIN products p ON p.id = s.product_id WHERE \(Self.named(keys))
                ORDER BY s.product_id\(Self.forUpdate(of: "s"))
                """)
        }
        return try await runner.query(
            """
            SELECT p.id, p.sku, p.reorder_point, s.on_hand, s.reserved FROM products p JOIN stock s ON s.product_id = p.id
            WHERE \(Self.named(keys)) AND p.archived_at IS NULL ORDER BY p.id
            """
        ).map { row in
            Stock(
                productID: try row.decode("id"), sku: try row.decode("sku"), onHand: try row.decode("on_hand"), reserved: try row.decode("reserved"),
                reorderPoint: try row.decode("reorder_point"))
        }
    }

    /// Pieces that can be sold now, by category, of the first so many categories.
    func available(categories: Int) async throws -> [String: Int64] {
        let rows = try await runner.query(
            """
            SELECT p.category, sum(s.on_hand - s.reserved) AS available FROM products p JOIN stock s ON s.product_id = p.id
            WHERE p.archived_at IS NULL GROUP BY p.category ORDER BY p.category LIMIT \(categories)
            """)
        return Dictionary(try rows.map { (try $0.decode("category"), try $0.decode("available")) }, uniquingKeysWith: { first, _ in first })
    }

    /// Locks the stock of products, archived ones too, before it is changed; nothing to do where there is one writer.
    func lockStock(_ products: [Identifier]) async throws {
        guard runner.dialect == .postgres else { return }
        try await runner.query(
            "SELECT s.product_id FROM stock s WHERE \(Self.isOne("s.product_id", of: products)) ORDER BY s.product_id\(Self.forUpdate(of: "s"))")
    }

    /// Changes the stock of locked products. The table refuses what would break `0 <= reserved <= onHand`.
    func change(_ changes: [Identifier: StockChange]) async throws {
        for chunk in changes.sorted(by: { $0.key < $1.key }).chunks(of: Self.rowsPerStatement) {
            let onHand = chunk.map { id, change -> SQL in "WHEN \(id) THEN \(change.onHand)" }
            let reserved = chunk.map { id, change -> SQL in "WHEN \(id) THEN \(change.reserved)" }
            let count = try await runner.execute(
                SQL(
                    sqlite: """
                        UPDATE stock SET on_hand = on_hand + CASE product_id \(onHand.joined(separator: " ")) END,
                            reserved = reserved + CASE product_id \(reserved.joined(separator: " ")) END
                        WHERE product_id IN \(list: chunk.map(\.key))
                        """,
                    postgres: """
                        UPDATE stock s SET on_hand = s.on_hand + c.on_hand, reserved = s.reserved + c.reserved
                        FROM unnest(\(array: chunk.map(\.key))::uuid[], \(array: chunk.map(\.value.onHand))::bigint[],
                            \(array: chunk.map(\.value.reserved))::bigint[]) AS c (product_id, on_hand, reserved)
                        WHERE s.product_id = c.product_id
                        """))
            guard count == chunk.count else { throw StoredValueError(what: "stock") }
        }
    }

    /// Adds entries to the ledger, in their order; nothing ever changes or removes one. The stock of their products must be locked, so that
    /// a product's entries are committed in the order of their sequence.
    func append(_ movements: [NewMovement]) async throws {
        for chunk in movements.chunks(of: Self.rowsPerStatement) {
            let rows = chunk.map { entry -> SQL in
                """
                (\(entry.productID), \(entry.kind.rawValue), \(entry.quantity), \(entry.reservationID), \(entry.reason), \(entry.note), \
                \(entry.actor), \(entry.at))
                """
            }
            try await runner.execute(
                SQL(
                    sqlite: """
                        INSERT INTO stock_movements (product_id, kind, quantity, reservation_id, reason, note, actor, at)
                        VALUES \(rows.joined(separator: ", "))
                        """,
                    postgres: """
                        INSERT INTO stock_movements (product_id, kind, quantity, reservation_id, reason, note, actor, at)
                        SELECT product_id, kind, quantity, reservation_id, reason, note, actor, at
                        FROM unnest(\(array: chunk.map(\.productID))::uuid[], \(array: chunk.map(\.kind.rawValue))::text[],
                            \(array: chunk.map(\.quantity))::bigint[], \(array: chunk.map(\.reservationID))::uuid[],
                            \(array: chunk.map(\.reason))::text[], \(array: chunk.map(\.note))::text[],
                            \(array: chunk.map(\.actor))::text[], \(array: chunk.map(\.at))::timestamptz[])
                            WITH ORDINALITY AS e (product_id, kind, quantity, reservation_id, reason, note, actor, at, place)
                        ORDER BY place
                        """))
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
    ///
    /// On PostgreSQL a sequence is given out before its transaction commits, so an entry can appear below one that is there already. What
    /// that means: a walk from the newest entry back meets every entry that was there when it began, each once and in the order of
    /// sequences; of those that are committed meanwhile it may meet some. A product's entries appear in their order (see `append`). Nobody
    /// may take the highest sequence of the whole ledger for "all up to here".
    /// - Parameter before: the sequence that the page before ended with.
    func movements(of product: Identifier?, before: Int64?, limit: Int) async throws -> Slice<StockMovement> {
        var conditions: [SQL] = []
        if let product { conditions.append("m.product_id = \(product)") }
        if let before { conditions.append("m.sequence < \(before)") }
        return Slice(try await movements(conditions, descending: true, limit: limit + 1), limit: limit)
    }

    /// Oldest first, with the same promise.
    /// - Parameter last: see `newestMovement`; without an end a reader slower than the shop would never be done.
    func movements(of product: Identifier?, after: Int64, upTo last: Int64, limit: Int) async throws -> [StockMovement] {
        var conditions: [SQL] = ["m.sequence > \(after)", "m.sequence <= \(last)"]
        if let product { conditions.append("m.product_id = \(product)") }
        return try await movements(conditions, descending: false, limit: limit)
    }

    /// The highest sequence that is there now; 0 where the ledger is empty.
    func newestMovement(of product: Identifier?) async throws -> Int64 {
        let condition: SQL = product.map { "WHERE product_id = \($0)" } ?? ""
        return try await runner.query("SELECT coalesce(max(sequence), 0) AS newest FROM stock_movements \(condition)").first?.decode("newest") ?? 0
    }

    private func movements(_ conditions: [SQL], descending: Bool, limit: Int) async throws -> [StockMovement] {
        let condition: SQL = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND "))"
        return try await runner.query(
            """
            SELECT m.sequence, m.product_id, p.sku, m.kind, m.quantity, m.reservation_id, m.reason, m.note, m.actor, m.at
            FROM stock_movements m JOIN products p ON p.id = m.product_id \(condition)
            ORDER BY m.sequence\(raw: descending ? " DESC" : "") LIMIT \(limit)
            """
        ).map { row in
            guard let kind = StockMovement.Kind(rawValue: try row.decode("kind")) else { throw StoredValueError(what: "kind of movement") }
            return StockMovement(
                sequence: try row.decode("sequence"), productID: try row.decode("product_id"), sku: try row.decode("sku"), kind: kind,
                quantity: try row.decode("quantity"), reservationID: try row.decode("reservation_id"), reason: try row.decode("reason"),
                note: try row.decode("note"), actor: try row.decode("actor"), at: try row.decode("at"))
        }
    }
}
