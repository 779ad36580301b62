import Basics
import Database
import Payments
import PricingAPI
import TestKit

/// The sandbox on a store of its own, with its ledger open to be read.
struct Bank {
    let database: any Database
    let payments: SandboxPayments

    init(_ engine: StoreEngine) async throws {
        self.init(on: try await engine.open())
        try await migrate(database, Migration.load(SandboxPayments.migrations))
    }

    /// - Parameter database: holds the sandbox's tables.
    init(on database: any Database) {
        self.database = database
        payments = SandboxPayments(database, pause: .zero)
    }

    static let amount = Money(amountMinor: 12_345, currency: .usd)

    func newID() -> Identifier { Sources.system.makeID() }

    func authorize(_ id: Identifier, _ method: PaymentMethod = .approve) async throws -> Authorization {
        try await payments.authorize(id, amount: Self.amount, method: method)
    }

    /// A payment in a state, and its id.
    func payment(_ state: PaymentState) async throws -> Identifier {
        let id = newID()
        switch state {
        case .authorized: _ = try await authorize(id)
        case .declined: _ = try await authorize(id, .decline)
        case .captured:
            _ = try await authorize(id)
            _ = try await payments.capture(id)
        case .voided:
            _ = try await authorize(id)
            _ = try await payments.void(id)
        case .refunded:
            _ = try await authorize(id)
            _ = try await payments.capture(id)
            _ = try await payments.refund(id)
        }
        return id
    }

    /// What was booked for a payment, in order.
    func ledger(_ id: Identifier) async throws -> [String] {
        try await database.query("SELECT kind, amount_minor FROM sandbox_ledger WHERE payment_id = \(id) ORDER BY seq").map { row in
            "\(try row.decode("kind", as: String.self)) \(try row.decode("amount_minor", as: Int64.self))"
        }
    }

    func state(_ id: Identifier) async throws -> PaymentState? { try await payments.payment(id)?.state }
}
