import Basics
import Database
import PricingAPI

/// A product with an enabled policy, and all that a decision needs.
struct PolicyInForce: Sendable {
    var productID: Identifier
    var policy: DynamicPolicy
    var decision: PricingDecision?
}

extension Store {
    /// A product's policy, if it has one.
    func policy(of product: StoredPrice, isInForce: Bool) async throws -> StoredPolicy? {
        try await runner.query(
            "SELECT policy, version, updated_at, updated_by FROM dynamic_policies WHERE product_id = \(product.productID)"
        ).first.map { row in
            StoredPolicy(
                productID: product.productID, sku: product.sku, policy: try Self.value(row.decode("policy")), version: try row.decode("version"),
                updatedAt: try row.decode("updated_at"), updatedBy: try row.decode("updated_by"), isInForce: isInForce)
        }
    }

    /// Sets a product's policy and gives its version. Within a transaction that holds the product's lock only.
    func setPolicy(_ policy: DynamicPolicy, of product: Identifier, _ audit: Audit) async throws -> Int64 {
        let rows = try await runner.query(
            """
            INSERT INTO dynamic_policies (product_id, policy, enabled, version, updated_at, updated_by)
            VALUES (\(product), \(Self.text(policy)), \(policy.isEnabled), 1, \(audit.at), \(audit.by))
            ON CONFLICT (product_id) DO UPDATE SET policy = excluded.policy, enabled = excluded.enabled,
                version = dynamic_policies.version + 1, updated_at = excluded.updated_at, updated_by = excluded.updated_by
            RETURNING version
            """)
        guard let version: Int64 = try rows.first?.decode("version") else { throw StoredValueError(type: "policy version") }
        return version
    }

    /// Up to `limit` products after one, by id, that have an enabled policy or a decision that one may have left behind.
    func policiesInForce(after product: Identifier?, limit: Int) async throws -> [PolicyInForce] {
        let after: SQL = product.map { "AND d.product_id > \($0)" } ?? ""
        let isEnabled = SQL(sqlite: "d.enabled = 1", postgres: "d.enabled")
        return try await runner.query(
            """
            SELECT d.product_id, d.policy, p.decision FROM dynamic_policies d JOIN priced_products p ON p.product_id = d.product_id
            WHERE (\(isEnabled) OR p.decision IS NOT NULL) \(after) ORDER BY d.product_id LIMIT \(limit)
            """
        ).map { row in
            PolicyInForce(
                productID: try row.decode("product_id"), policy: try Self.value(row.decode("policy")), decision: try Self.decision(row))
        }
    }

    /// Up to `limit` products whose price a decision changes.
    func decidedProducts(limit: Int) async throws -> [Identifier] {
        try await runner.query("SELECT product_id FROM priced_products WHERE decision IS NOT NULL LIMIT \(limit)").map { try $0.decode("product_id") }
    }

    /// The decision of a product that nobody may change until the transaction ends, and its policy; nil for an unknown product.
    func decisionToChange(of product: Identifier) async throws -> (decision: PricingDecision?, policy: DynamicPolicy?)? {
        guard let row = try await runner.query("SELECT decision FROM priced_products WHERE product_id = \(product) \(SQL.forUpdate)").first else {
            return nil
        }
        let policy = try await runner.query("SELECT policy FROM dynamic_policies WHERE product_id = \(product)").first
        return (try Self.decision(row), try policy.map { try Self.value($0.decode("policy")) })
    }

    /// Makes a decision a product's own, and a part of its history. Within a transaction that holds the product's lock only.
    func decide(_ decision: PricingDecision?, for product: Identifier, at now: Timestamp) async throws {
        let text = decision.map { Self.text($0) }
        let rows = try await runner.query(
            "UPDATE priced_products SET decision = \(text), version = version + 1 WHERE product_id = \(product) RETURNING version")
        guard let version: Int64 = try rows.first?.decode("version") else { throw StoredValueError(type: "product version") }
        try await runner.execute(
            "INSERT INTO price_decisions (product_id, version, decision, created_at) VALUES (\(product), \(version), \(text), \(now))")
    }

    // MARK: demand

    /// What was seen of a product since a time.
    func demand(of product: Identifier, since: Timestamp) async throws -> Demand {
        let row = try await runner.query(
            """
            SELECT COALESCE(SUM(views), 0) AS views, COALESCE(SUM(orders), 0) AS orders FROM product_demand
            WHERE product_id = \(product) AND since > \(since)
            """
        ).first
        guard let row else { return Demand() }
        return Demand(views: try row.decode("views"), orders: try row.decode("orders"))
    }

    /// Adds to what was seen of products in the slice that begins at `since`. Products are touched in one order, whoever adds.
    func addDemand(_ demand: [Identifier: Demand], in since: Timestamp) async throws {
        guard !demand.isEmpty else { return }
        let rows = demand.sorted { $0.key < $1.key }.map { product, demand -> SQL in "(\(product), \(since), \(demand.views), \(demand.orders))" }
        try await runner.execute(
            """
            INSERT INTO product_demand (product_id, since, views, orders) VALUES \(rows.joined(separator: ", "))
            ON CONFLICT (product_id, since) DO UPDATE SET
                views = product_demand.views + excluded.views, orders = product_demand.orders + excluded.orders
            """)
    }

    /// Deletes up to `limit` slices that began before `time`; gives their number.
    func deleteDemand(before time: Timestamp, limit: Int) async throws -> Int {
        try await runner.execute(
            """
            DELETE FROM product_demand WHERE (product_id, since) IN (
                SELECT product_id, since FROM product_demand WHERE since < \(time) ORDER BY since LIMIT \(limit) \(SQL.skipLocked)
            )
            """)
    }
}
