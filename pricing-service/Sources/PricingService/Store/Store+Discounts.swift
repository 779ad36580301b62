import Basics
import Database
import PricingAPI

extension Store {
    private static let discountColumns: SQL = "id, rule, times_used, version, created_at, updated_at"

    /// The discounts of these codes that are not withdrawn, in no order.
    func discounts(codes: [String]) async throws -> [Discount] {
        guard !codes.isEmpty else { return [] }
        let isAsked = SQL(sqlite: "code IN \(list: codes)", postgres: "code = ANY(\(array: codes)::text[])")
        return try await runner.query("SELECT \(Self.discountColumns) FROM discounts WHERE \(isAsked) AND withdrawn_at IS NULL").map(Self.discount)
    }

    /// - Parameter locking: whether nobody may change it until the transaction ends.
    func discount(_ code: String, locking: Bool = false) async throws -> Discount? {
        let lock: SQL = locking ? .forUpdate : ""
        return try await runner.query(
            "SELECT \(Self.discountColumns) FROM discounts WHERE code = \(code) AND withdrawn_at IS NULL \(lock)"
        ).first.map(Self.discount)
    }

    /// Up to `limit` discounts after a code, by code.
    func discounts(after code: String, limit: Int) async throws -> [Discount] {
        try await runner.query(
            "SELECT \(Self.discountColumns) FROM discounts WHERE code > \(code) AND withdrawn_at IS NULL ORDER BY code LIMIT \(limit)"
        ).map(Self.discount)
    }

    /// False if the code is taken.
    func insertDiscount(_ discount: Discount) async throws -> Bool {
        try await runner.execute(
            """
            INSERT INTO discounts (id, code, rule, usage_limit, times_used, version, created_at, updated_at)
            VALUES (\(discount.id), \(discount.rule.code), \(Self.text(discount.rule)), \(discount.rule.usageLimit), \(discount.timesUsed),
                \(discount.version), \(discount.createdAt), \(discount.updatedAt))
            ON CONFLICT DO NOTHING
            """
        ) == 1
    }

    /// Replaces the rule if the version is still `expected`; nil if it is not.
    func updateDiscount(_ rule: DiscountRule, from expected: Int64, at now: Timestamp) async throws -> Discount? {
        try await runner.query(
            """
            UPDATE discounts SET rule = \(Self.text(rule)), usage_limit = \(rule.usageLimit), version = version + 1, updated_at = \(now)
            WHERE code = \(rule.code) AND version = \(expected) AND withdrawn_at IS NULL RETURNING \(Self.discountColumns)
            """
        ).first.map(Self.discount)
    }

    /// False if there is no such code in that version.
    func withdrawDiscount(_ code: String, from expected: Int64, at now: Timestamp) async throws -> Bool {
        try await runner.execute(
            "UPDATE discounts SET withdrawn_at = \(now) WHERE code = \(code) AND version = \(expected) AND withdrawn_at IS NULL"
        ) == 1
    }

    /// Counts one use; false if the limit is reached. The row stays locked until the transaction ends, so two orders never take the last use.
    func countUse(of id: Identifier) async throws -> Bool {
        try await runner.execute(
            "UPDATE discounts SET times_used = times_used + 1 WHERE id = \(id) AND (usage_limit IS NULL OR times_used < usage_limit)"
        ) == 1
    }

    /// Gives one use back.
    func returnUse(of id: Identifier) async throws {
        try await runner.execute("UPDATE discounts SET times_used = times_used - 1 WHERE id = \(id)")
    }

    private static func discount(_ row: Row) throws -> Discount {
        Discount(
            id: try row.decode("id"), rule: try value(row.decode("rule")), timesUsed: try row.decode("times_used"),
            version: try row.decode("version"),
            createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at")
        )
    }
}
