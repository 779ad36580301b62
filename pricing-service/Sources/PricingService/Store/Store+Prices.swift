import Basics
import Database
import PricingAPI

/// A product as the store knows it, with the entry in force.
struct StoredPrice: Sendable {
    var productID: Identifier
    var sku: String
    var version: Int64
    /// What discounts by category go by.
    var category: String?
    /// Nil where no entry is in force now.
    var current: Current?

    struct Current: Sendable {
        var base: Money
        /// What dynamic pricing makes of the base price; nil where it leaves it alone.
        var decision: PricingDecision?
        var validFrom: Timestamp
        var validUntil: Timestamp?
    }
}

extension Store {
    /// The products among `references` that are known, each with its price at `now`, in no order.
    func prices(of references: [ProductReference], at now: Timestamp) async throws -> [StoredPrice] {
        var ids: [Identifier] = []
        var skus: [String] = []
        for reference in references {
            switch reference {
            case .id(let id): ids.append(id)
            case .sku(let sku): skus.append(sku)
            }
        }
        let rows = try await runner.query(
            """
            SELECT p.product_id, p.sku, p.version, p.category, p.decision, e.amount_minor, e.currency, e.valid_from, e.valid_until,
                (SELECT MIN(n.valid_from) FROM price_entries n WHERE n.product_id = p.product_id AND n.valid_from > \(now)) AS next_from
            FROM priced_products p
            LEFT JOIN price_entries e ON e.product_id = p.product_id AND e.version = (
                SELECT f.version FROM price_entries f
                WHERE f.product_id = p.product_id AND f.valid_from <= \(now) AND (f.valid_until IS NULL OR f.valid_until > \(now))
                ORDER BY f.valid_from DESC, f.version DESC LIMIT 1
            )
            WHERE \(Self.matching(ids, skus))
            """
        )
        return try rows.map(Self.storedPrice)
    }

    private static func storedPrice(_ row: Row) throws -> StoredPrice {
        var current: StoredPrice.Current?
        if let amount = try row.decode("amount_minor", as: Int64?.self) {
            let end = try row.decode("valid_until", as: Timestamp?.self)
            let next = try row.decode("next_from", as: Timestamp?.self)
            current = StoredPrice.Current(
                base: Money(amountMinor: amount, currency: try row.currency("currency")), decision: try decision(row),
                validFrom: try row.decode("valid_from"), validUntil: [end, next].compactMap(\.self).min()
            )
        }
        return StoredPrice(
            productID: try row.decode("product_id"), sku: try row.decode("sku"), version: try row.decode("version"),
            category: try row.decode("category"), current: current)
    }

    static func decision(_ row: Row) throws -> PricingDecision? {
        try row.decode("decision", as: String?.self).map { try value($0) }
    }

    /// What a product's price was at `time`, as the shop knew it then: of the entries and decisions that had been made. For a time to come,
    /// of those that are known now, and without a decision, since what demand will be nobody knows. Nil for an unknown product.
    func price(of reference: ProductReference, asOf time: Timestamp, now: Timestamp) async throws -> StoredPrice? {
        let condition: SQL =
            switch reference {
            case .id(let id): "p.product_id = \(id)"
            case .sku(let sku): "p.sku = \(sku)"
            }
        let decision: SQL = time > now ? "AND 1 = 0" : ""
        return try await runner.query(
            """
            SELECT p.product_id, p.sku, p.category, d.decision, e.amount_minor, e.currency, e.valid_from, e.valid_until,
                \(SQL(sqlite: "MAX", postgres: "GREATEST"))(
                    COALESCE((SELECT MAX(v.version) FROM price_entries v WHERE v.product_id = p.product_id AND v.created_at <= \(time)), 1),
                    COALESCE((SELECT MAX(w.version) FROM price_decisions w WHERE w.product_id = p.product_id AND w.created_at <= \(time)), 1)
                ) AS version,
                (SELECT MIN(n.valid_from) FROM price_entries n
                    WHERE n.product_id = p.product_id AND n.valid_from > \(time) AND n.created_at <= \(time)) AS next_from
            FROM priced_products p
            LEFT JOIN price_entries e ON e.product_id = p.product_id AND e.version = (
                SELECT f.version FROM price_entries f WHERE f.product_id = p.product_id AND f.created_at <= \(time)
                    AND f.valid_from <= \(time) AND (f.valid_until IS NULL OR f.valid_until > \(time))
                ORDER BY f.valid_from DESC, f.version DESC LIMIT 1
            )
            LEFT JOIN price_decisions d ON d.product_id = p.product_id \(decision) AND d.version = (
                SELECT MAX(g.version) FROM price_decisions g WHERE g.product_id = p.product_id AND g.created_at <= \(time)
            )
            WHERE \(condition)
            """
        ).first.map(Self.storedPrice)
    }

    private static func matching(_ ids: [Identifier], _ skus: [String]) -> SQL {
        // One text whatever their number, where a statement's plan is kept for its text.
        SQL(
            sqlite: "p.product_id IN \(list: ids) OR p.sku IN \(list: skus)",
            postgres: "p.product_id = ANY(\(array: ids)::uuid[]) OR p.sku = ANY(\(array: skus)::text[])")
    }

    /// A product's identity, without its price.
    /// - Parameter locking: whether nobody may change its prices until the transaction ends.
    func product(_ reference: ProductReference, locking: Bool = false) async throws -> StoredPrice? {
        let condition: SQL =
            switch reference {
            case .id(let id): "product_id = \(id)"
            case .sku(let sku): "sku = \(sku)"
            }
        let lock: SQL = locking ? .forUpdate : ""
        return try await runner.query("SELECT product_id, sku, version, category FROM priced_products WHERE \(condition) \(lock)").first.map {
            StoredPrice(
                productID: try $0.decode("product_id"), sku: try $0.decode("sku"), version: try $0.decode("version"),
                category: try $0.decode("category"))
        }
    }

    /// False if the product or the SKU is known already.
    func insertProduct(_ id: Identifier, sku: String, category: String?) async throws -> Bool {
        try await runner.execute(
            "INSERT INTO priced_products (product_id, sku, version, category) VALUES (\(id), \(sku), 1, \(category)) ON CONFLICT DO NOTHING") == 1
    }

    func setCategory(of id: Identifier, to category: String) async throws {
        try await runner.execute("UPDATE priced_products SET category = \(category) WHERE product_id = \(id)")
    }

    /// Moves a product's version from `expected` one up; false if it is another by now.
    func advanceProduct(_ id: Identifier, from expected: Int64) async throws -> Bool {
        try await runner.execute(
            "UPDATE priced_products SET version = version + 1 WHERE product_id = \(id) AND version = \(expected)"
        ) == 1
    }

    func insertEntry(_ entry: PriceEntry) async throws {
        try await runner.execute(
            """
            INSERT INTO price_entries (product_id, version, amount_minor, currency, valid_from, valid_until, created_at, created_by, reason)
            VALUES (\(entry.productID), \(entry.version), \(entry.base.amountMinor), \(entry.base.currency.code), \(entry.validFrom), \(entry.validUntil),
                \(entry.createdAt), \(entry.createdBy), \(entry.reason))
            """
        )
    }

    /// The newest `limit` entries below a version, newest first.
    func entries(of product: StoredPrice, below version: Int64, limit: Int) async throws -> [PriceEntry] {
        try await runner.query(
            """
            SELECT version, amount_minor, currency, valid_from, valid_until, created_at, created_by, reason FROM price_entries
            WHERE product_id = \(product.productID) AND version < \(version) ORDER BY version DESC LIMIT \(limit)
            """
        ).map { row in
            PriceEntry(
                productID: product.productID, sku: product.sku, version: try row.decode("version"),
                base: Money(amountMinor: try row.decode("amount_minor"), currency: try row.currency("currency")),
                validFrom: try row.decode("valid_from"), validUntil: try row.decode("valid_until"), createdAt: try row.decode("created_at"),
                createdBy: try row.decode("created_by"), reason: try row.decode("reason")
            )
        }
    }

    func lockProducts() async throws { try await lock("priced_products") }

    func hasProducts() async throws -> Bool { try await !runner.query("SELECT 1 AS found FROM priced_products LIMIT 1").isEmpty }
}
