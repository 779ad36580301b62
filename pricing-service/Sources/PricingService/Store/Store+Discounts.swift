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
            INSERT INTO discounts (id, code, rule, usage_limit, usage_limit_per_shopper, times_used, version, created_at, updated_at)
            VALUES (\(discount.id), \(discount.rule.code), \(Self.text(discount.rule)), \(discount.rule.usageLimit),
                \(discount.rule.usageLimitPerShopper), \(discount.timesUsed), \(discount.version), \(discount.createdAt), \(discount.updatedAt))
            ON CONFLICT DO NOTHING
            """
        ) == 1
    }

    /// Replaces the rule if the version is still `expected`; nil if it is not.
    func updateDiscount(_ rule: DiscountRule, from expected: Int64, at now: Timestamp) async throws -> Discount? {
        try await runner.query(
            """
            UPDATE discounts SET rule = \(Self.text(rule)), usage_limit = \(rule.usageLimit),
                usage_limit_per_shopper = \(rule.usageLimitPerShopper), version = version + 1, updated_at = \(now)
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

    /// What came of counting a use.
    enum Count: Hashable, Sendable {
        case counted
        /// Nothing was counted: the limit of all orders, or of one shopper's, is reached; or there is one, and no shopper.
        case exhausted, exhaustedForShopper, needsShopper
    }

    /// Counts one use. The discount's row stays locked until the transaction ends, so two orders never take the last use. Unless it answers
    /// `counted`, the transaction must not be committed.
    func countUse(of id: Identifier, by shopper: String?) async throws -> Count {
        let limits = try await runner.query(
            """
            UPDATE discounts SET times_used = times_used + 1 WHERE id = \(id) AND (usage_limit IS NULL OR times_used < usage_limit)
            RETURNING usage_limit_per_shopper
            """)
        guard let row = limits.first else { return .exhausted }
        let limit = try row.decode("usage_limit_per_shopper", as: Int64?.self)
        guard let shopper else { return limit == nil ? .counted : .needsShopper }
        let most = limit ?? .max
        let counted = try await runner.execute(
            """
            INSERT INTO discount_shoppers (discount_id, shopper, times_used) VALUES (\(id), \(shopper), 1)
            ON CONFLICT (discount_id, shopper) DO UPDATE SET times_used = discount_shoppers.times_used + 1
            WHERE discount_shoppers.times_used < \(most)
            """)
        return counted == 1 ? .counted : .exhaustedForShopper
    }

    /// Gives one use back.
    /// - Parameter shopper: the one who was said when it was counted.
    func returnUse(of id: Identifier, by shopper: String?) async throws {
        try await runner.execute("UPDATE discounts SET times_used = times_used - 1 WHERE id = \(id)")
        guard let shopper else { return }
        try await runner.execute(
            "UPDATE discount_shoppers SET times_used = times_used - 1 WHERE discount_id = \(id) AND shopper = \(shopper) AND times_used > 0")
    }

    private static func discount(_ row: Row) throws -> Discount {
        Discount(
            id: try row.decode("id"), rule: try value(row.decode("rule")), timesUsed: try row.decode("times_used"),
            version: try row.decode("version"),
            createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at")
        )
    }
}
