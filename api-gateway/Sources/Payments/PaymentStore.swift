import Basics
import Database
import PricingAPI

/// The sandbox's rows: one a payment, and a ledger to which each deed is added once.
struct PaymentStore: Sendable {
    private let runner: any SQLRunner

    init(_ runner: any SQLRunner) { self.runner = runner }

    struct Known: Sendable {
        /// nil where a first try failed without an effect.
        let state: PaymentState?
        let decline: Decline?
        let amount: Money?
        let method: PaymentMethod?
    }

    enum Entry: String, Sendable {
        case authorize, capture, void, refund
    }

    func find(_ id: Identifier) async throws -> Known? { try await find(id, "") }

    /// As ``find(_:)``; nobody else changes it until the transaction ends.
    func lock(_ id: Identifier) async throws -> Known? { try await find(id, .forUpdate) }

    private func find(_ id: Identifier, _ lock: SQL) async throws -> Known? {
        try await runner.query(
            "SELECT state, decline_code, amount_minor, currency, method FROM sandbox_payments WHERE id = \(id) \(lock)"
        ).first.map { row in
            let minor = try row.decode("amount_minor", as: Int64?.self)
            let currency = try row.decode("currency", as: String?.self).flatMap { Currency($0) }
            return Known(
                state: PaymentState(rawValue: try row.decode("state")),
                decline: try row.decode("decline_code", as: String?.self).flatMap { Decline(rawValue: $0) },
                amount: minor.flatMap { minor in currency.map { Money(amountMinor: minor, currency: $0) } },
                method: try row.decode("method", as: String?.self).flatMap { PaymentMethod(rawValue: $0) })
        }
    }

    /// Records a first try without an effect; false, and nothing written, if the id is known.
    func insertTry(_ id: Identifier, amount: Money, method: PaymentMethod, at now: Timestamp) async throws -> Bool {
        try await runner.execute(
            """
            INSERT INTO sandbox_payments (id, state, amount_minor, currency, method, updated_at)
            VALUES (\(id), 'new', \(amount.amountMinor), \(amount.currency.code), \(method.rawValue), \(now)) ON CONFLICT DO NOTHING
            """) == 1
    }

    /// Records the void of an id never seen; false, and nothing written, if the id is known.
    func insertVoid(_ id: Identifier, at now: Timestamp) async throws -> Bool {
        try await runner.execute(
            "INSERT INTO sandbox_payments (id, state, updated_at) VALUES (\(id), 'voided', \(now)) ON CONFLICT DO NOTHING") == 1
    }

    /// The answer to an authorisation, after a try that this transaction made or locked.
    func settle(
        _ id: Identifier, as state: PaymentState, decline: Decline?, amount: Money, method: PaymentMethod, at now: Timestamp
    ) async throws {
        try await runner.execute(
            """
            UPDATE sandbox_payments SET state = \(state.rawValue), decline_code = \(decline?.rawValue as String?),
                amount_minor = \(amount.amountMinor), currency = \(amount.currency.code), method = \(method.rawValue), updated_at = \(now)
            WHERE id = \(id)
            """)
    }

    func setState(_ state: PaymentState, of id: Identifier, at now: Timestamp) async throws {
        try await runner.execute("UPDATE sandbox_payments SET state = \(state.rawValue), updated_at = \(now) WHERE id = \(id)")
    }

    func book(_ id: Identifier, _ entry: Entry, amountMinor: Int64, at now: Timestamp) async throws {
        try await runner.execute(
            "INSERT INTO sandbox_ledger (payment_id, kind, amount_minor, at) VALUES (\(id), \(entry.rawValue), \(amountMinor), \(now))")
    }
}
