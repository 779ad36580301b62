import Basics
import Database
import HTTPPath
import PricingAPI
import ServiceKit

/// Discount codes, as operators keep them.
struct Discounts: Sendable {
    let database: any Database
    let sources: Sources

    func discount(_ code: String) async throws -> Discount {
        guard let discount = try await Store(database).discount(code) else { throw Self.notFound }
        return discount
    }

    /// Up to `limit` after a code, by code.
    func list(after code: String, limit: Int) async throws -> [Discount] {
        try await Store(database).discounts(after: code, limit: limit)
    }

    func make(_ rule: DiscountRule) -> Discount {
        let now = sources.now()
        return Discount(id: sources.makeID(), rule: rule, timesUsed: 0, version: 1, createdAt: now, updatedAt: now)
    }

    /// Stores a new one; on a transaction or the database itself.
    func insert(_ discount: Discount, on runner: any SQLRunner) async throws {
        guard try await Store(runner).insertDiscount(discount) else {
            throw Refusal(.discountExists, at: "/code", "there is a discount of this code already")
        }
    }

    /// Replaces the rule. What was redeemed stays counted.
    func replace(_ code: String, with rule: DiscountRule, _ preconditions: Preconditions) async throws -> Discount {
        let now = sources.now()
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            guard let current = try await store.discount(code, locking: true) else { throw Self.notFound }
            guard rule.code == code else { throw Refusal(.invalidBody, at: "/code", "must be the code of the path") }
            try preconditions.checkChange(of: current.version, required: true)
            guard let changed = try await store.updateDiscount(rule, from: current.version, at: now) else { throw Problem.preconditionFailed }
            return changed
        }
    }

    /// From now on the code is unknown; quotes already given stand. Withdrawing what is not there is `discount_not_found`.
    func withdraw(_ code: String, _ preconditions: Preconditions) async throws {
        let now = sources.now()
        try await database.withTransaction { transaction in
            let store = Store(transaction)
            guard let current = try await store.discount(code, locking: true) else { throw Self.notFound }
            try preconditions.checkChange(of: current.version, required: true)
            guard try await store.withdrawDiscount(code, from: current.version, at: now) else { throw Problem.preconditionFailed }
        }
    }

    static let notFound = Refusal(.discountNotFound, "There is no discount of this code.")
}
